using Plugvisor.Cli.CommandLine;
using Plugvisor.Control.Plugins;

namespace Plugvisor.Cli.Commands;

/// <summary><c>plugvisor completions SHELL</c></summary>
internal static class CompletionsCommand
{
    public static int Run(IReadOnlyList<string> args, PluginSet plugins)
    {
        if (args.Count == 0 || args[0].StartsWith('-')) throw new UsageException("completions: name the shell: bash, zsh or fish");
        Console.Out.Write(CompletionScript.Render(args[0], AllOptions.WithKeys(plugins)));
        return 0;
    }
}
