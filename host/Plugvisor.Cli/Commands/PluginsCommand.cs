using Plugvisor.Cli.Plugins;

namespace Plugvisor.Cli.Commands;

internal static class PluginsCommand
{
    public static int Run(IReadOnlyList<string> args, PluginSet plugins) => args.Count + plugins.Kinds.Count;
}
