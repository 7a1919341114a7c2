using System.Diagnostics.CodeAnalysis;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Cli.Commands;
using Plugvisor.Cli.Plugins;
using Plugvisor.Control.Plugins;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Limits;

namespace Plugvisor.Cli;

/// <summary>
/// The executable: finds the command, runs it, turns whatever goes wrong into an error chain and an exit code. Nothing here is asynchronous: state
/// machines are compiled at run time, on the way to the first guest instruction.
/// </summary>
internal static class Program
{
    private const int UsageError = 2, RuntimeError = 1;

    // Sockets, logs and ptys are the owner's only.
    private const uint OwnerOnly = 0x3f;   // 0077

    [SuppressMessage("Design", "CA1031", Justification = "The last resort: whatever it is, the person gets a chain of messages and exit code 1")]
    private static int Main(string[] args)
    {
        _ = FileModeMask.Set(OwnerOnly);
        FileSizeLimit.IgnoreSignal();
        try
        {
            return Run(args);
        }
        catch (UsageException e)
        {
            Console.Error.Write(ErrorReport.Format(e));
            Console.Error.WriteLine("Try 'plugvisor --help'.");
            return UsageError;
        }
        catch (Exception e)
        {
            Console.Error.Write(ErrorReport.Format(e));
            return RuntimeError;
        }
    }

    private static int Run(string[] args)
    {
        string? command = args.Length > 0 && !args[0].StartsWith('-') ? args[0] : null;
        var plugins = PluginSet.Open(PluginDirectories.From(args), HostOptions.IsReserved);
        switch (command)
        {
            case null:
                return RunCommand.Run(args, plugins);
            case "plugins":
                return PluginsCommand.Run(args[1..], plugins);
            case "completions":
                return CompletionsCommand.Run(args[1..], plugins);
            case "openapi":
                return OpenApiCommand.Run(args[1..], plugins);
            case "man":
                return ManCommand.Run(args[1..], plugins);
            default:
                throw new UsageException($"'{command}' is no command; there are plugins, completions and openapi, and options start with --");
        }
    }
}
