using Plugvisor.Cli.CommandLine;
using Plugvisor.Control.Plugins;
using Plugvisor.Manual;

namespace Plugvisor.Cli.Commands;

/// <summary><c>plugvisor man</c>: the man page, made of the options as <c>--help</c> knows them.</summary>
internal static class ManCommand
{
    private static readonly (OptionGroup Group, string Title)[] Groups =
    [
        (OptionGroup.Payload, "What to boot"), (OptionGroup.Machine, "Machine"), (OptionGroup.Devices, "Devices, by their plugins"),
        (OptionGroup.Vmm, "The VMM itself"),
    ];

    public static int Run(IReadOnlyList<string> args, PluginSet plugins)
    {
        foreach (string arg in args)
        {
            if (!arg.StartsWith(HostOptions.PluginDir, StringComparison.Ordinal) && arg.StartsWith('-')) throw new UsageException($"man: {arg} is no option of it");
        }

        Console.Out.Write(Render(AllOptions.WithKeys(plugins)));
        return 0;
    }

    private static string Render(List<CommandLineOption> options)
    {
        var page = new ManPage("plugvisor", $"Plugvisor {VersionText.Own}", "KVM virtual machine monitor in which every device is a plugin");
        page.Section("SYNOPSIS");
        page.Usage("plugvisor --kernel <path> [<options>]");
        page.Usage("plugvisor --firmware <path> [<options>]");
        page.Usage("plugvisor --api-socket <path> [<options>]");
        page.Usage("plugvisor plugins [--json] [--plugin-dir <path>...]");
        page.Usage("plugvisor completions bash|zsh|fish");
        page.Usage("plugvisor openapi");

        page.Section("DESCRIPTION");
        page.Paragraph("plugvisor runs one virtual machine on KVM. It is a drop-in for Cloud Hypervisor's interfaces: options, REST API, D-Bus API and event "
            + "monitor are the same. Every device is a plugin; a plugin declares its device's options, which then appear here, in the API and in the shells' completions.");
        page.Paragraph("With something to boot, the machine starts at once. Without, the process waits for the API to create and boot one; see plugvisor-remote(1).");

        page.Section("OPTIONS");
        page.Paragraph("Values are key=value pairs, parted by commas. Sizes take K, M or G (powers of 1024). Toggles are on or off. Quotes keep commas, brackets and "
            + "equals signs; a doubled quote inside quotes is one. Brackets make lists: [0,2-4], [a,b], [0@[1,2],1@[3]]. Where an option may be given again, several "
            + "values may also follow it once.");
        foreach ((OptionGroup group, string title) in Groups)
        {
            page.Part(title);
            foreach (CommandLineOption option in options)
            {
                if (option.Group == group) Option(page, option);
            }
        }

        page.Item("-v", "More log: -v information, -vv debug, -vvv trace. Warnings and errors are always logged.");
        page.Item("-h, --help", "A summary of the options.");
        page.Item("-V, --version", "The version of the interface that is spoken, in Cloud Hypervisor's form, then Plugvisor's own.");

        page.Section("COMMANDS");
        page.Item("plugins", "Lists the plugins that are found, and says why one was refused. --json for programs.");
        page.Item("completions", "Prints a completion script for a shell.");
        page.Item("openapi", "Prints the description of the REST API (OpenAPI 3), devices of plugins included.");

        page.Section("SIGNALS");
        page.Item("SIGTERM, SIGINT", "End the machine and the process cleanly.");

        page.Section("EXIT STATUS");
        page.Item("0", "The guest powered off, or the process was asked to end.");
        page.Item("1", "An error; standard error has the chain of reasons, outermost first.");
        page.Item("2", "Wrong usage.");

        page.Section("FILES");
        page.Item("plugins/", "Beside the executable: one folder for each plugin.");

        page.Section("EXAMPLES");
        page.Example(
            "plugvisor --kernel vmlinuz --initramfs initrd --cmdline console=ttyS0 --serial tty --console off",
            "plugvisor --kernel vmlinux --cmdline 'root=/dev/vda console=hvc0' \\",
            "          --disk path=root.img,image_type=raw --cpus boot=2 --memory size=1G",
            "plugvisor --firmware CLOUDHV.fd --disk path=a.img path=b.img,readonly=on");
        page.Section("SEE ALSO");
        page.Paragraph("plugvisor-remote(1)");
        return page.ToString();
    }

    private static void Option(ManPage page, CommandLineOption option)
    {
        string value = option.Value is null ? "" : option.Keys.Count > 0 ? " <key>=<value>,..." : $" <{option.Value}>";
        string text = Sentence(option.Help) + (option.IsRepeatable ? " Can be given again." : "") + (option.Default is null ? "" : $" Default: {option.Default}");
        if (option.Example is { } example) page.Item(option.Name + value, text, $"Example: {option.Name} {example}");
        else page.Item(option.Name + value, text);
        if (option.Keys.Count == 0) return;
        page.Indent();
        foreach (OptionKeyHelp key in option.Keys)
            page.Item(key.Name + (key.Value is null ? "" : "=" + key.Value), Sentence(key.Help) + (key.Default is null ? "" : $" Default: {key.Default}"));
        page.Outdent();
    }

    private static string Sentence(string text) => text.Length == 0 || text.EndsWith('.') ? text : text + ".";
}
