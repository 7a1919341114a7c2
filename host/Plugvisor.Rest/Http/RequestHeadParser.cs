using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Plugvisor.Rest.Http;

/// <summary>
/// Reads request lines and header lines as the interface does (reference section 1.1). What is wrong is said in the interface's words, since clients
/// match on them. Kestrel's public HttpParser is no help here: it takes any method, takes bare line feeds, and does not say which rule was broken.
/// </summary>
internal static class RequestHeadParser
{
    /// <summary>What is said of a line that is no request.</summary>
    public const string InvalidRequest = "Invalid request.";

    private const byte Space = (byte)' ', Tab = (byte)'\t', Colon = (byte)':';

    /// <summary>Reads a request line.</summary>
    /// <param name="line">Without its line end.</param>
    /// <param name="head">Receives method, path and version.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? ReadRequestLine(ReadOnlySpan<byte> line, RequestHead head)
    {
        int first = line.IndexOf(Space);
        if (first < 0) return InvalidRequest;
        ReadOnlySpan<byte> method = line[..first], rest = line[(first + 1)..];
        int second = rest.IndexOf(Space);
        if (second < 0) return InvalidRequest;
        ReadOnlySpan<byte> target = rest[..second], version = rest[(second + 1)..];

        if (VerbOf(method) is not { } verb) return "Invalid HTTP Method: Unsupported HTTP method.";
        if (target.IsEmpty) return "Invalid URI: Empty URI not allowed.";
        if (!Utf8.IsValid(target)) return "Invalid URI: Cannot parse URI as UTF-8.";
        head.IsHttp10 = version.SequenceEqual("HTTP/1.0"u8);
        if (!head.IsHttp10 && !version.SequenceEqual("HTTP/1.1"u8)) return "Invalid HTTP Version: Unsupported HTTP version.";
        head.Verb = verb;
        head.Path = Encoding.UTF8.GetString(AbsolutePath(target));
        return null;
    }

    /// <summary>Reads a header line.</summary>
    /// <param name="line">Without its line end; not empty.</param>
    /// <param name="head">Receives what the header says, if it is one of those that matter.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? ReadHeader(ReadOnlySpan<byte> line, RequestHead head)
    {
        if (!Utf8.IsValid(line)) return InvalidHeader("Header contains invalid characters. Key: " + Encoding.UTF8.GetString(line));
        int colon = line.IndexOf(Colon);
        if (colon < 0) return InvalidHeader("Header is incorrectly formatted. Key: " + Encoding.UTF8.GetString(line));
        ReadOnlySpan<byte> name = line[..colon], value = line[(colon + 1)..];
        ReadOnlySpan<byte> trimmed = Trim(name);
        if (Ascii.EqualsIgnoreCase(trimmed, "content-length"u8)) return ReadContentLength(name, value, head);
        if (Ascii.EqualsIgnoreCase(trimmed, "accept-encoding"u8)) return CheckEncodings(Encoding.UTF8.GetString(value).Trim());
        if (Ascii.EqualsIgnoreCase(trimmed, "expect"u8)) head.ExpectsContinue |= Trim(value).SequenceEqual("100-continue"u8);
        // Transfer-Encoding: chunked is taken for what it is not: a body that is not announced is no body.
        return null;
    }

    /// <summary>What is said of a header line that is longer than allowed.</summary>
    public static string TooLong(ReadOnlySpan<byte> begin) => InvalidHeader("Invalid content length. Header: " + Encoding.UTF8.GetString(begin));

    /// <summary>What is said of a body that is larger than allowed.</summary>
    public static string TooLarge(uint size, int limit) =>
        string.Create(CultureInfo.InvariantCulture, $"Request payload with size {size} is larger than the limit of {limit} allowed by server.");

    private static HttpVerb? VerbOf(ReadOnlySpan<byte> method) => method switch
    {
        _ when method.SequenceEqual("GET"u8) => HttpVerb.Get,
        _ when method.SequenceEqual("PUT"u8) => HttpVerb.Put,
        _ when method.SequenceEqual("PATCH"u8) => HttpVerb.Patch,
        _ when method.SequenceEqual("DELETE"u8) => HttpVerb.Delete,
        _ => null,
    };

    private static ReadOnlySpan<byte> AbsolutePath(ReadOnlySpan<byte> target)
    {
        ReadOnlySpan<byte> scheme = "http://"u8;
        if (!target.StartsWith(scheme)) return target[0] == '/' ? target : default;
        ReadOnlySpan<byte> host = target[scheme.Length..];
        int slash = host.IndexOf((byte)'/');
        return slash < 0 ? default : host[slash..];
    }

    private static string? ReadContentLength(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, RequestHead head)
    {
        bool valid = uint.TryParse(Trim(value), NumberStyles.None, CultureInfo.InvariantCulture, out uint length);
        // Two that differ: one of them is a lie, and the next request would begin in the wrong place.
        if (!valid || (head.HasContentLength && head.ContentLength != length))
            return InvalidValue(Encoding.UTF8.GetString(name), Encoding.UTF8.GetString(value));
        head.ContentLength = length;
        head.HasContentLength = true;
        return null;
    }

    private static string? CheckEncodings(string encodings)
    {
        if (encodings.Length == 0) return InvalidRequest;
        foreach (string encoding in encodings.Split(','))
        {
            bool forbids = encoding.Trim() switch
            {
                "identity;q=0" => true,
                "*;q=0" => !encodings.Contains("identity", StringComparison.Ordinal),
                _ => false,
            };
            if (forbids) return InvalidValue("Accept-Encoding", encoding);
        }

        return null;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty && (text[0] is Space or Tab)) text = text[1..];
        while (!text.IsEmpty && (text[^1] is Space or Tab)) text = text[..^1];
        return text;
    }

    private static string InvalidValue(string name, string value) => InvalidHeader($"Invalid value. Key:{name}; Value:{value}");

    private static string InvalidHeader(string reason) => "Invalid header. Reason: " + reason;
}
