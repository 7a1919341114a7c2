using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.Calls;
using Plugvisor.Remote.CommandLine;
using Plugvisor.Remote.Plugins;
using Plugvisor.Remote.Transport;

namespace Plugvisor.Remote;

/// <summary>The executable: finds the command, asks the VMM, prints the answer; what goes wrong becomes an error chain and an exit code.</summary>
internal static class Program
{
    private const int Success = 0, RuntimeError = 1, UsageError = 2;

    [SuppressMessage("Design", "CA1031", Justification = "The last resort: whatever it is, the person gets a chain of messages and exit code 1")]
    private static int Main(string[] args)
    {
        try
        {
            return Run(args);
        }
        catch (UsageException e)
        {
            Write(Console.OpenStandardError(), $"error: {e.Message}\nTry 'plugvisor-remote --help'.\n");
            return UsageError;
        }
        catch (Exception e)
        {
            Write(Console.OpenStandardError(), ErrorReport.Format(e));
            return RuntimeError;
        }
    }

    private static int Run(string[] args)
    {
        string? name = FindCommand(args);
        bool help = Array.Exists(args, static arg => arg is "-h" or "--help");
        var plugins = KnownPlugins.Open(args, look: CommandTable.NeedsPlugins(name) || help);
        List<RemoteCommand> commands = CommandTable.All(plugins.Kinds, plugins.WhyUnknown);
        if (!commands.Exists(command => command.Name == name) && CommandTable.Unknown(name, plugins.WhyUnknown) is { } unknown) commands.Add(unknown);

        if (args.Length == 0)
        {
            Write(Console.OpenStandardError(), HelpText.OfProgram(commands));
            return UsageError;
        }

        ParsedCommand parsed = new CommandLineParser(commands).Parse(args);
        if (parsed.HelpRequested) return Print(Explain(parsed.Command?.Name, parsed, plugins));
        if (parsed.VersionRequested) return Print($"plugvisor-remote {Version()}\n");
        RemoteCommand command = parsed.Command!;
        return command.Name switch
        {
            CommandTable.Help => Print(Explain(parsed.Input.Argument, parsed, plugins)),
            CommandTable.Man => Print(ManualPage.Render(commands, Version())),
            CommandTable.Completions => Print(CompletionScript.Render(parsed.Input.Text, commands)),
            _ => Ask(command, parsed, plugins),
        };
    }

    private static int Ask(RemoteCommand command, ParsedCommand parsed, KnownPlugins plugins)
    {
        using IRemoteTransport transport = Transports.Choose(parsed);
        RemoteCall call = command.UnknownKind is { } kind && !DeviceCall.IsDocument(parsed.Input.Text) && ServerPlugins.All(transport) is { } declared
            ? DeviceCall.Make(kind, parsed.Input.Text, declared, plugins.WhyUnknown(kind)) : command.Call!(parsed.Input);
        using Stream output = Console.OpenStandardOutput();
        if (command.IsStream)
        {
            transport.Follow(call, received =>
            {
                output.Write(received);
                output.Flush();
            });
            return Success;
        }

        ReadOnlyMemory<byte> result = transport.Send(call);
        if (result.IsEmpty) return Success;
        output.Write(result.Span);
        output.WriteByte((byte)'\n');
        return Success;
    }

    /// <summary>Help, with what the VMM's own plugins declare where a way to it is given.</summary>
    private static string Explain(string? name, ParsedCommand parsed, KnownPlugins plugins)
    {
        List<RemoteCommand> commands = CommandTable.All(plugins.Kinds, plugins.WhyUnknown);
        if ((name is null || CommandTable.NeedsPlugins(name)) && commands.Find(known => known.Name == name) is null or { UnknownKind: not null })
            commands = CommandTable.All([.. plugins.Kinds, .. ServerKinds(parsed).Where(kind => !plugins.Declares(kind))], plugins.WhyUnknown);
        if (name is null) return HelpText.OfProgram(commands);
        RemoteCommand command = commands.Find(known => known.Name == name) ?? CommandTable.Unknown(name, plugins.WhyUnknown)
            ?? throw new UsageException($"'{name}' is no command");
        return HelpText.OfCommand(command);
    }

    private static List<DeviceConfigSchema> ServerKinds(ParsedCommand parsed)
    {
        try
        {
            using IRemoteTransport transport = Transports.Choose(parsed);
            return ServerPlugins.All(transport) ?? [];
        }
        catch (RemoteException)
        {
            // No way to a VMM is given: help is there all the same.
            return [];
        }
    }

    /// <summary>The first word that is neither an option nor an option's value.</summary>
    private static string? FindCommand(string[] args)
    {
        for (int i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith('-')) return args[i];
            foreach (RemoteOption option in GlobalOptions.All)
            {
                if (option.Name == args[i] && option.Value is not null) i++;
                if (i >= args.Length) break;
            }
        }

        return null;
    }

    private static string Version() =>
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static int Print(string text)
    {
        Write(Console.OpenStandardOutput(), text);
        return Success;
    }

    /// <summary>Without Console.Out, whose first use costs milliseconds.</summary>
    private static void Write(Stream stream, string text)
    {
        stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        stream.Flush();
    }
}
