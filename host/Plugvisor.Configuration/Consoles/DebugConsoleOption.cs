using System.Globalization;
using System.Text.Json;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Configuration.Consoles;

/// <summary>Reads <c>--debug-console</c>, whose port is written in hexadecimal: <c>tty,iobase=0xe9</c>.</summary>
public static class DebugConsoleOption
{
    private const string PortKey = "iobase=";

    /// <summary>Reads the option's value.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public static JsonElement Read(string text)
    {
        ushort? port = null;
        var rest = new List<string>();
        foreach (string part in OptionSyntax.SplitCommas(text))
        {
            if (part.StartsWith(PortKey, StringComparison.Ordinal)) port = Port(part[PortKey.Length..].Trim());
            else rest.Add(part);
        }

        JsonElement json = HostSections.DebugConsole.Schema!.FromOption(string.Join(',', rest));
        if (port is null) return json;
        return HostSections.DebugConsole.Normalize(JsonElement.Parse(
            string.Create(CultureInfo.InvariantCulture, $"{{{json.GetRawText()[1..^1]},\"iobase\":{port}}}")));
    }

    private static ushort Port(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal)
            && ushort.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort port)) return port;
        throw new OptionException("Error parsing --debug-console", new OptionException($"iobase={text} is not a port such as 0xe9"));
    }
}
