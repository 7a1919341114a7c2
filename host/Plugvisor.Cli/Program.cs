using System.Diagnostics.CodeAnalysis;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Cli.Commands;
using Plugvisor.Cli.Plugins;
using Plugvisor.Linux.Files;

namespace Plugvisor.Cli;

/// <summary>The executable: finds the command, runs it, turns whatever goes wrong into an error chain and an exit code.</summary>
internal static class Program
{
    private const int UsageError = 2, RuntimeError = 1;

    // Sockets, logs and ptys are the owner's only.
    private const uint OwnerOnly = 0x3f;   // 0077

    [SuppressMessage("Design", "CA1031", Justification = "The last resort: whatever it is, the person gets a chain of messages and exit code 1")]
    private static async Task<int> Main(string[] args)
    {
        _ = FileModeMask.Set(OwnerOnly);
        try
        {
            return await RunAsync(args).ConfigureAwait(false);
        }
        catch (UsageException e)
        {
            await Console.Error.WriteAsync(ErrorReport.Format(e)).ConfigureAwait(false);
            await Console.Error.WriteLineAsync("Try 'plugvisor --help'.").ConfigureAwait(false);
            return UsageError;
        }
        catch (Exception e)
        {
            await Console.Error.WriteAsync(ErrorReport.Format(e)).ConfigureAwait(false);
            return RuntimeError;
        }
    }

    private static Task<int> RunAsync(string[] args)
    {
        string? command = args.Length > 0 && !args[0].StartsWith('-') ? args[0] : null;
        var plugins = PluginSet.Open(PluginDirectories.From(args));
        switch (command)
        {
            case null:
                return RunCommand.RunAsync(args, plugins);
            case "plugins":
                return Task.FromResult(PluginsCommand.Run(args[1..], plugins));
            case "completions":
                return Task.FromResult(CompletionsCommand.Run(args[1..], plugins));
            case "openapi":
                return Task.FromResult(OpenApiCommand.Run(args[1..], plugins));
            case "man":
                return Task.FromResult(ManCommand.Run(args[1..], plugins));
            default:
                throw new UsageException($"'{command}' is no command; there are plugins, completions and openapi, and options start with --");
        }
    }
}
