using System.Text;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Remote.CommandLine;

/// <summary>Writes <c>--help</c>, of the program and of a command.</summary>
internal static class HelpText
{
    private const int Column = 30;

    /// <summary>The headings, in the order in which they are shown.</summary>
    public static IReadOnlyList<(CommandGroup Group, string Title)> Groups { get; } =
    [
        (CommandGroup.Vm, "The VM"),
        (CommandGroup.Devices, "Devices and sizes"),
        (CommandGroup.State, "Snapshots and migration"),
        (CommandGroup.Vmm, "The VMM"),
        (CommandGroup.Program, "This program"),
    ];

    /// <summary>The program's.</summary>
    public static string OfProgram(IReadOnlyList<RemoteCommand> commands)
    {
        var text = new StringBuilder("""
            plugvisor-remote, which tells a running plugvisor (or Cloud Hypervisor) what to do

            Usage:
              plugvisor-remote --api-socket <path> <command>
              plugvisor-remote --dbus-service-name <name> --dbus-object-path <path> [--dbus-system-bus] <command>

            """);
        foreach ((CommandGroup group, string title) in Groups)
        {
            text.Append('\n').Append(title).Append(":\n");
            foreach (RemoteCommand command in commands)
            {
                if (command.Group == group && !command.IsHidden) Line(text, "  " + Usage(command), command.Summary);
            }
        }

        text.Append("\nOptions:\n");
        foreach (RemoteOption option in GlobalOptions.All) Line(text, "  " + Form(option), Explain(option));
        Line(text, "  -h, --help", "This text; behind a command: what it takes");
        Line(text, "  -V, --version", "Version");
        text.Append("""

            Exit status: 0 done, 1 it failed (standard error has the chain of reasons), 2 wrong usage.

            Examples:
              plugvisor-remote --api-socket /run/vm1.sock create vm1.json
              plugvisor-remote --api-socket /run/vm1.sock boot
              plugvisor-remote --api-socket /run/vm1.sock add-disk path=data.img,id=data
              plugvisor-remote --api-socket /run/vm1.sock events

            """);
        return text.ToString();
    }

    /// <summary>A command's.</summary>
    public static string OfCommand(RemoteCommand command)
    {
        var text = new StringBuilder();
        text.Append(command.Summary).Append("\n\nUsage:\n  plugvisor-remote --api-socket <path> ").Append(Usage(command)).Append('\n');
        if (command.Argument is { } argument)
        {
            text.Append('\n');
            Line(text, $"  <{argument.Name}>", argument.Help);
            foreach (OptionKey key in argument.Keys)
            {
                if (!key.IsHidden) Line(text, "      " + key.Name + (key.Value is null ? "" : "=" + key.Value), Explain(key));
            }
        }

        if (command.Options.Count > 0)
        {
            text.Append("\nOptions:\n");
            foreach (RemoteOption option in command.Options) Line(text, "  " + Form(option), Explain(option));
        }

        if (command.Example is { } example)
            text.Append("\nExample:\n  plugvisor-remote --api-socket /run/vm1.sock ").Append(example).Append('\n');
        return text.ToString();
    }

    /// <summary>How a command is typed.</summary>
    public static string Usage(RemoteCommand command)
    {
        var text = new StringBuilder(command.Name);
        foreach (RemoteOption option in command.Options) text.Append(option.IsRequired ? $" {Form(option)}" : $" [{Form(option)}]");
        if (command.Argument is { } argument) text.Append(argument.IsOptional ? $" [{argument.Name}]" : $" <{argument.Name}>");
        return text.ToString();
    }

    /// <summary>How an option is typed.</summary>
    public static string Form(RemoteOption option) => option.Name + (option.Value is null ? "" : $" <{option.Value}>");

    /// <summary>What a key means.</summary>
    public static string Explain(OptionKey key) =>
        key.Help + (key.IsRequired ? " (required)" : key.Default is { Length: > 0 } value ? $" (default: {value})" : "");

    /// <summary>What an option means.</summary>
    public static string Explain(RemoteOption option) => option.Help + (option.Default is null ? "" : $" (default: {option.Default})");

    private static void Line(StringBuilder text, string left, string right)
    {
        text.Append(left);
        if (left.Length + 1 > Column) text.Append('\n').Append(' ', Column);
        else text.Append(' ', Column - left.Length);
        text.Append(right).Append('\n');
    }
}
