using System.Globalization;
using System.Text;

namespace Plugvisor.Plugins.Options;

/// <summary>
/// The pieces of the option value grammar (interface reference, section 4.3): commas part, <c>"</c> makes text literal, brackets
/// nest and protect commas. What a method can not read gives false or null; the caller has the key for the error text.
/// </summary>
public static class OptionSyntax
{
    /// <summary>A range such as <c>0-99999999</c> is a typing mistake, not a list of host CPUs; this many elements are allowed.</summary>
    private const int LongestList = 65_536;

    /// <summary>Splits at commas outside quotes and brackets; the quotes stay. The whole is trimmed, the parts are not.</summary>
    /// <exception cref="OptionException">A quote or bracket has no partner.</exception>
    public static List<string> SplitCommas(string text)
    {
        var parts = new List<string>();
        var inner = text.AsSpan().Trim();
        var depth = 0;
        var quoted = false;
        var start = 0;
        for (var i = 0; i < inner.Length; i++)
        {
            var c = inner[i];
            if (c == '"') quoted = !quoted;
            else if (quoted) continue;
            else if (c == '[') depth++;
            else if (c == ']' && --depth < 0) throw Invalid(text);
            else if (c == ',' && depth == 0)
            {
                parts.Add(inner[start..i].ToString());
                start = i + 1;
            }
        }

        if (quoted || depth != 0) throw Invalid(text);
        parts.Add(inner[start..].ToString());
        return parts;
    }

    /// <summary>Takes the quotes off; a doubled quote inside quotes stands for one.</summary>
    public static string Dequote(string text)
    {
        if (!text.Contains('"', StringComparison.Ordinal)) return text;
        var result = new StringBuilder(text.Length);
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '"')
            {
                result.Append(text[i]);
                continue;
            }

            // A quote that opens right after one closed: the two were a doubled quote.
            if (!quoted && i > 0 && text[i - 1] == '"') result.Append('"');
            quoted = !quoted;
        }

        return result.ToString();
    }

    /// <summary><c>on</c>, <c>off</c>, <c>true</c>, <c>false</c> in any case; null for anything else.</summary>
    public static bool? ReadToggle(string text) => text.ToLowerInvariant() switch
    {
        "on" or "true" => true,
        "off" or "false" => false,
        _ => null,
    };

    /// <summary>A decimal integer without sign from 0 to <paramref name="max"/>.</summary>
    public static bool TryReadInteger(string text, ulong max, out ulong value) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= max;

    /// <summary>A decimal integer with an optional minus.</summary>
    public static bool TryReadSigned(string text, long min, long max, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= min && value <= max;

    /// <summary>Bytes: a decimal integer, then nothing, K, M or G (powers of 1024).</summary>
    public static bool TryReadByteSize(string text, ulong max, out ulong value) => TryReadByteSize(text.AsSpan().Trim(), max, out value);

    /// <summary>As <see cref="TryReadByteSize(string, ulong, out ulong)"/>, with an optional minus.</summary>
    public static bool TryReadSignedByteSize(string text, long min, long max, out long value)
    {
        var digits = text.AsSpan().Trim();
        var isNegative = digits.StartsWith('-');
        var readable = TryReadByteSize(isNegative ? digits[1..] : digits, isNegative ? (ulong)-(min + 1) + 1 : (ulong)max, out var size);
        value = isNegative ? (long)(0 - size) : (long)size;
        return readable;
    }

    private static bool TryReadByteSize(ReadOnlySpan<char> digits, ulong max, out ulong value)
    {
        var shift = digits.Length == 0 ? 0 : digits[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        if (shift != 0) digits = digits[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value) || value > ulong.MaxValue >> shift) return false;
        value <<= shift;
        return value <= max;
    }

    /// <summary><c>[0,2-4]</c>, brackets optional; a range must ascend. Null when it is none.</summary>
    public static List<ulong>? ReadIntegers(string text, ulong max)
    {
        var list = new List<ulong>();
        foreach (var item in text.Trim().Trim('[', ']').Split(','))
        {
            var dash = item.IndexOf('-', StringComparison.Ordinal);
            if (!TryReadInteger(dash < 0 ? item : item[..dash], max, out var first)) return null;
            var last = first;
            if (dash >= 0 && (!TryReadInteger(item[(dash + 1)..], max, out last) || last <= first)) return null;
            if (last - first >= (ulong)(LongestList - list.Count)) return null;
            for (var value = first; ; value++)
            {
                list.Add(value);
                if (value == last) break;
            }
        }

        return list;
    }

    /// <summary><c>[a,b]</c>, brackets optional; elements may be quoted.</summary>
    /// <exception cref="OptionException">A quote or bracket has no partner.</exception>
    public static List<string> ReadStrings(string text)
    {
        var list = SplitCommas(text.Trim().Trim('[', ']'));
        for (var i = 0; i < list.Count; i++) list[i] = Dequote(list[i]);
        return list;
    }

    /// <summary><c>[key@value,...]</c>; the outer brackets are required. Null when it is none. Key and value keep their quotes.</summary>
    public static List<(string Key, string Value)>? ReadTuples(string text)
    {
        var body = text.Trim();
        if (body.Length < 2 || body[0] != '[' || body[^1] != ']') return null;
        List<string> parts;
        try
        {
            parts = SplitCommas(body[1..^1]);
        }
        catch (OptionException)
        {
            return null;
        }

        var tuples = new List<(string, string)>(parts.Count);
        foreach (var part in parts)
        {
            var tuple = part.Trim();
            var at = FindSeparator(tuple, '@');
            if (at <= 0 || FindSeparator(tuple, '@', at + 1) >= 0) return null;
            tuples.Add((tuple[..at], tuple[(at + 1)..]));
        }

        return tuples;
    }

    /// <summary>Where a character stands outside quotes, or -1.</summary>
    internal static int FindSeparator(string text, char separator, int start = 0)
    {
        var quoted = false;
        for (var i = start; i < text.Length; i++)
        {
            if (text[i] == '"') quoted = !quoted;
            else if (text[i] == separator && !quoted) return i;
        }

        return -1;
    }

    internal static OptionException Invalid(string text) => new($"Invalid syntax: {text}");
}
