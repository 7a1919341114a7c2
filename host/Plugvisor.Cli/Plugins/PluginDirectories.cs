using Plugvisor.Cli.CommandLine;

namespace Plugvisor.Cli.Plugins;

/// <summary>
/// Where to look for plugins. Found before the command line is parsed, because the plugins decide which options there are.
/// </summary>
internal static class PluginDirectories
{
    private const string DefaultName = "plugins";

    /// <summary>The directories named by <c>--plugin-dir</c>, or the one beside the executable.</summary>
    public static IReadOnlyList<string> From(IReadOnlyList<string> args)
    {
        var directories = new List<string>();
        bool value = false;
        foreach (string arg in args)
        {
            if (arg == HostOptions.PluginDir) value = true;
            else if (arg.StartsWith(HostOptions.PluginDir + "=", StringComparison.Ordinal)) directories.Add(arg[(HostOptions.PluginDir.Length + 1)..]);
            else if (arg.StartsWith('-')) value = false;
            else if (value) directories.Add(arg);
        }

        foreach (string directory in directories)
        {
            if (!Directory.Exists(directory)) throw new UsageException($"--plugin-dir: there is no directory {directory}");
        }

        return directories.Count > 0 ? directories : [Path.Combine(AppContext.BaseDirectory, DefaultName)];
    }
}
