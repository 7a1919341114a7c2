using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Plugvisor.Cli.Logging;

/// <summary>
/// The layout of a log line: text with <c>{tokens}</c>, doubled braces for a literal one. Parsed once, then rendered on any thread.
/// </summary>
internal sealed class LogFormat
{
    /// <summary>The layout that is used when none is asked for.</summary>
    public const string Default = "cloud-hypervisor: {boottime}s: <{thread}> {level}:{location} -- {msg}";

    private static readonly Dictionary<string, Action<StringBuilder, LogLine>> Tokens = new(StringComparer.Ordinal)
    {
        ["boottime"] = static (text, line) => text.Append(CultureInfo.InvariantCulture, $"{line.SinceStart.TotalSeconds,10:F6}"),
        ["wallclock"] = static (text, line) => text.Append(CultureInfo.InvariantCulture, $"{line.Utc:yyyy-MM-ddTHH:mm:ss.ffffff}Z"),
        ["localwallclock"] = static (text, line) => text.Append(CultureInfo.InvariantCulture, $"{line.Local:yyyy-MM-ddTHH:mm:ss.ffffffzzz}"),
        ["glog"] = static (text, line) => Glog(text, line, line.Utc),
        ["localglog"] = static (text, line) => Glog(text, line, line.Local),
        ["pid"] = static (text, _) => text.Append(Environment.ProcessId),
        ["tid"] = static (text, line) => text.Append(line.ThreadId),
        ["thread"] = static (text, line) => text.Append(line.Thread),
        ["level"] = static (text, line) => text.Append(Name(line.Level)),
        ["levelchar"] = static (text, line) => text.Append(Name(line.Level)[0]),
        ["location"] = static (text, line) => text.Append(line.Location),
        ["msg"] = static (text, line) => text.Append(line.Message),
        ["offset"] = static (text, _) => text.Append("+00:00"),
        ["localoffset"] = static (text, line) => text.Append(CultureInfo.InvariantCulture, $"{line.Local:zzz}"),
    };

    private readonly List<(string Literal, Action<StringBuilder, LogLine>? Token)> _parts = [];

    static LogFormat()
    {
        foreach ((string name, string format) in new[]
        {
            ("year", "yyyy"), ("month", "MM"), ("day", "dd"), ("hour", "HH"), ("minute", "mm"), ("second", "ss"), ("micros", "ffffff"),
        })
        {
            Tokens[name] = (text, line) => text.Append(line.Utc.ToString(format, CultureInfo.InvariantCulture));
            Tokens["local" + name] = (text, line) => text.Append(line.Local.ToString(format, CultureInfo.InvariantCulture));
        }
    }

    private LogFormat() { }

    /// <summary>Parses a layout.</summary>
    /// <exception cref="FormatException">A token is not known or a brace is open; the message names it and lists the tokens.</exception>
    public static LogFormat Parse(string layout)
    {
        var format = new LogFormat();
        var literal = new StringBuilder();
        for (int i = 0; i < layout.Length; i++)
        {
            char c = layout[i];
            if (c is '{' or '}' && i + 1 < layout.Length && layout[i + 1] == c)
            {
                literal.Append(c);
                i++;
                continue;
            }

            if (c == '}') throw new FormatException($"log format: '}}' at {i} closes nothing; write '}}}}' for a literal brace");
            if (c != '{')
            {
                literal.Append(c);
                continue;
            }

            int end = layout.IndexOf('}', i);
            if (end < 0) throw new FormatException($"log format: '{{' at {i} is not closed; write '{{{{' for a literal brace");
            string name = layout[(i + 1)..end];
            if (!Tokens.TryGetValue(name, out Action<StringBuilder, LogLine>? token))
            {
                throw new FormatException(
                    $"log format: unknown token '{{{name}}}'; known are {string.Join(", ", Tokens.Keys.Order(StringComparer.Ordinal))}");
            }

            format._parts.Add((literal.ToString(), token));
            literal.Clear();
            i = end;
        }

        format._parts.Add((literal.ToString(), null));
        return format;
    }

    /// <summary>Renders one line, without its end.</summary>
    public string Render(in LogLine line)
    {
        var text = new StringBuilder(160);
        foreach ((string literal, Action<StringBuilder, LogLine>? token) in _parts)
        {
            text.Append(literal);
            token?.Invoke(text, line);
        }

        return text.ToString();
    }

    private static void Glog(StringBuilder text, LogLine line, DateTimeOffset time) =>
        text.Append(CultureInfo.InvariantCulture, $"{Name(line.Level)[0]}{time:MMdd HH:mm:ss.ffffff} {line.ThreadId,7} {line.Location}]");

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRACE",
        LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARN",
        _ => "ERROR",
    };
}
