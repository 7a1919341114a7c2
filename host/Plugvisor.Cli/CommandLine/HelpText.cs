using System.Text;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Writes <c>--help</c>: options by group, the keys of their values, defaults, examples.</summary>
internal static class HelpText
{
    private const int Column = 30;

    /// <summary>The whole text.</summary>
    public static string Render(IReadOnlyList<CommandLineOption> options)
    {
        var text = new StringBuilder();
        text.Append("""
            Plugvisor, a KVM virtual machine monitor in which every device is a plugin

            Usage:
              plugvisor --kernel <path> [options]
              plugvisor --firmware <path> [options]
              plugvisor plugins [--json] [--plugin-dir <path>...]
              plugvisor completions bash|zsh|fish
              plugvisor openapi [--plugin-dir <path>...]

            """);
        Group(text, "What to boot", OptionGroup.Payload, options);
        Group(text, "Machine", OptionGroup.Machine, options);
        Group(text, "Devices, by their plugins", OptionGroup.Devices, options);
        Group(text, "The VMM itself", OptionGroup.Vmm, options);
        Line(text, "  -v", "More log: -v info, -vv debug, -vvv trace");
        Line(text, "  -h, --help", "This text");
        Line(text, "  -V, --version", "Version");
        text.Append("""

            Values: key=value pairs, parted by commas. Sizes take K, M or G. Toggles are on or off. "quotes" keep commas and brackets.

            Examples:
              plugvisor --kernel vmlinuz --initramfs initrd --cmdline console=ttyS0 --serial tty --console off
              plugvisor --kernel vmlinux --cmdline 'root=/dev/vda console=hvc0' --disk path=root.img,image_type=raw \
                        --cpus boot=2 --memory size=1G
              plugvisor --firmware CLOUDHV.fd --disk path=a.img path=b.img,readonly=on

            """);
        return text.ToString();
    }

    private static void Group(StringBuilder text, string title, OptionGroup group, IReadOnlyList<CommandLineOption> options)
    {
        text.Append('\n').Append(title).Append(":\n");
        foreach (CommandLineOption option in options)
        {
            if (option.Group != group) continue;
            string left = $"  {option.Name}" + (option.Value is null ? "" : option.Keys.Count > 0 ? " <key=value,...>" : $" <{option.Value}>")
                + (option.IsRepeatable ? "..." : "");
            Line(text, left, option.Help + (option.Default is null ? "" : $" (default: {option.Default})"));
            foreach (OptionKeyHelp key in option.Keys)
            {
                string name = "      " + key.Name + (key.Value is null ? "" : "=" + key.Value);
                Line(text, name, key.Help + (key.Default is null ? "" : $" (default: {key.Default})"));
            }

            if (option.Example is not null) text.Append(' ', Column).Append("e.g. ").Append(option.Name).Append(' ').Append(option.Example).Append('\n');
        }
    }

    private static void Line(StringBuilder text, string left, string right)
    {
        text.Append(left);
        if (left.Length + 1 > Column) text.Append('\n').Append(' ', Column);
        else text.Append(' ', Column - left.Length);
        text.Append(right).Append('\n');
    }
}
