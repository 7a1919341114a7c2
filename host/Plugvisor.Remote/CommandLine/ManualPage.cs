using Plugvisor.Manual;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Remote.CommandLine;

/// <summary>Makes the man page of the table of commands.</summary>
internal static class ManualPage
{
    /// <summary>The page.</summary>
    public static string Render(IReadOnlyList<RemoteCommand> commands, string version)
    {
        var page = new ManPage("plugvisor-remote", $"Plugvisor {version}", "tell a running plugvisor what to do");
        page.Section("SYNOPSIS");
        page.Usage("plugvisor-remote --api-socket <path> <command> [<argument>]");
        page.Usage("plugvisor-remote --dbus-service-name <name> --dbus-object-path <path> [--dbus-system-bus] <command> [<argument>]");

        page.Section("DESCRIPTION");
        page.Paragraph("plugvisor-remote sends one command to a VMM and prints its answer. It is a twin of Cloud Hypervisor's ch-remote: commands, output, "
            + "error texts and exit codes are the same, and it works with either VMM.");
        page.Paragraph("The options of devices are those of plugvisor(1). They are read here, by the declarations of the plugins that lie where --plugin-dir says; "
            + "the VMM gets JSON. Where no plugin here declares a kind of device, or to send exactly what one means, a JSON document takes the place of the options. "
            + "File descriptors (fd=, net_fds= ...) are numbers of this process, as a shell opens them with 7<>/dev/tap5; they are handed over.");

        page.Section("OPTIONS");
        foreach (RemoteOption option in GlobalOptions.All) page.Item(HelpText.Form(option), HelpText.Explain(option));
        page.Item("-h, --help", "A summary; behind a command: what it takes.");
        page.Item("-V, --version", "The version.");

        page.Section("COMMANDS");
        foreach ((CommandGroup group, string title) in HelpText.Groups)
        {
            page.Part(title);
            foreach (RemoteCommand command in commands)
            {
                if (command.Group == group && !command.IsHidden) Command(page, command);
            }
        }

        page.Section("OUTPUT");
        page.Paragraph("What the VMM answers goes to standard output as it comes, JSON where there is something to say. An error goes to standard error as a "
            + "chain of reasons, outermost first; those of the VMM follow ours.");

        page.Section("EXIT STATUS");
        page.Item("0", "Done.");
        page.Item("1", "It failed.");
        page.Item("2", "Wrong usage.");

        page.Section("EXAMPLES");
        page.Example(
            "plugvisor-remote --api-socket /run/vm1.sock create vm1.json",
            "plugvisor-remote --api-socket /run/vm1.sock boot",
            "plugvisor-remote --api-socket /run/vm1.sock add-disk path=data.img,id=data",
            "plugvisor-remote --api-socket /run/vm1.sock events | jq -r .event");
        page.Section("SEE ALSO");
        page.Paragraph("plugvisor(1)");
        return page.ToString();
    }

    private static void Command(ManPage page, RemoteCommand command)
    {
        string text = command.Summary + ".";
        if (command.Example is { } example) page.Item(Form(command), text, $"Example: {example}");
        else page.Item(Form(command), text);
        if (command.Options.Count == 0 && command.Argument is null) return;
        page.Indent();
        foreach (RemoteOption option in command.Options) page.Item(HelpText.Form(option), HelpText.Explain(option) + ".");
        if (command.Argument is { } argument)
        {
            if (argument.Keys.Count == 0) page.Item($"<{argument.Name}>", argument.Help + ".");
            foreach (OptionKey key in argument.Keys)
            {
                if (!key.IsHidden) page.Item(key.Name + (key.Value is null ? "" : "=" + key.Value), HelpText.Explain(key) + ".");
            }
        }

        page.Outdent();
    }

    private static string Form(RemoteCommand command)
    {
        string options = "";
        foreach (RemoteOption option in command.Options) options += option.IsRequired ? $" {HelpText.Form(option)}" : $" [{HelpText.Form(option)}]";
        return command.Name + options + (command.Argument is not { } argument ? "" : argument.IsOptional ? $" [<{argument.Name}>]" : $" <{argument.Name}>");
    }
}
