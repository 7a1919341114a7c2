using Plugvisor.Configuration;
using Plugvisor.Control.Plugins;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.CommandLine;

/// <summary>The options of this process: the host's and, from the plugins that are there, those of devices.</summary>
internal static class AllOptions
{
    /// <summary>For parsing; says nothing about the keys inside of values, which cost time to list.</summary>
    public static List<CommandLineOption> ForParsing(PluginSet plugins)
    {
        var options = new List<CommandLineOption>(HostOptions.All);
        foreach (DeviceConfigSchema kind in plugins.Kinds) options.Add(DeviceOptions.From(kind, withKeys: false));
        return options;
    }

    /// <summary>For help and completions.</summary>
    public static List<CommandLineOption> WithKeys(PluginSet plugins)
    {
        var options = new List<CommandLineOption>();
        foreach (CommandLineOption option in HostOptions.All)
        {
            ConfigSchema? schema = option.Name switch
            {
                HostOptions.Cpus => HostSections.Cpus.Schema,
                HostOptions.Memory => HostSections.Memory.Schema,
                HostOptions.Platform => HostSections.Platform.Schema,
                HostOptions.RateLimitGroup => HostSections.RateLimitGroups.Schema,
                _ => null,
            };
            List<OptionKeyHelp> keys = schema is null ? [] : DeviceOptions.Keys(schema);
            if (option.Name == HostOptions.Cpus)
            {
                keys.Add(new OptionKeyHelp("topology", "<T:C:D:P>", "Threads per core, cores per die, dies per package, packages", null));
                keys.Add(new OptionKeyHelp("features", "amx", "Processor features that are off unless asked for", null));
            }

            options.Add(option with { Keys = keys });
        }

        foreach (DeviceConfigSchema kind in plugins.Kinds) options.Add(DeviceOptions.From(kind, withKeys: true));
        return options;
    }
}
