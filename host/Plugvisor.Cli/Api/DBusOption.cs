using Microsoft.Extensions.Logging;
using Plugvisor.Cli.CommandLine;
using Plugvisor.DBus;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Cli.Api;

/// <summary>Reads the three <c>--dbus-*</c> options.</summary>
internal static class DBusOption
{
    /// <summary>Where the API is to be on D-Bus, or null when it is not.</summary>
    /// <exception cref="OptionException">Only one of name and path is given, or one of them is none.</exception>
    public static DBusOptions? Read(ParsedOptions options, ILoggerFactory logs)
    {
        string? name = options.Single(HostOptions.DBusServiceName), path = options.Single(HostOptions.DBusObjectPath);
        bool system = options.Has(HostOptions.DBusSystemBus);
        if (name is null && path is null)
        {
            if (system)
            {
                logs.CreateLogger("Api").LogWarning(
                    "{Option} does nothing without {Name} and {Path}", HostOptions.DBusSystemBus, HostOptions.DBusServiceName, HostOptions.DBusObjectPath);
            }

            return null;
        }

        if (name is null) throw new OptionException($"{HostOptions.DBusObjectPath} needs {HostOptions.DBusServiceName} too");
        if (path is null) throw new OptionException($"{HostOptions.DBusServiceName} needs {HostOptions.DBusObjectPath} too");
        try
        {
            return new DBusOptions(name, path, system);
        }
        catch (FormatException e)
        {
            throw new OptionException($"Error parsing the --dbus-* options", e);
        }
    }
}
