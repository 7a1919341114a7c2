using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Plugvisor.Rest.Http;

/// <summary>
/// Writes answers byte for byte as the interface has them (reference section 1.1): no reason phrase, header names spelt and ordered as clients look
/// for them, and a server name that tells parse errors from the rest.
/// </summary>
internal static class ResponseWriter
{
    private const int NoContent = 204, BadRequest = 400;

    // Messages quote paths and ids; they are data in a terminal or a log, never part of a page.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The interim answer after which the client sends its body.</summary>
    public static ReadOnlySpan<byte> Continue => "HTTP/1.1 100 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n"u8;

    /// <summary>The answer to one connection too many.</summary>
    public static ReadOnlySpan<byte> TooManyConnections =>
        "HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n{ \"error\": \"Too many open connections\" }"u8;

    /// <summary>An answer with a JSON document, which may be empty, or 204 without.</summary>
    public static void Write(IBufferWriter<byte> output, int status, ReadOnlySpan<byte> document) =>
        Write(output, status, "Cloud Hypervisor API"u8, document);

    /// <summary>An error.</summary>
    public static void WriteErrors(IBufferWriter<byte> output, int status, IReadOnlyList<string> errors)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartArray();
            foreach (string error in errors) json.WriteStringValue(error);
            json.WriteEndArray();
        }

        Write(output, status, buffer.WrittenSpan);
    }

    /// <summary>The answer to what is no request. Its text is not quite JSON, and clients know it so.</summary>
    public static void WriteParseError(IBufferWriter<byte> output, string message) => Write(output, BadRequest, "Firecracker API"u8,
        Encoding.UTF8.GetBytes($"{{ \"error\": \"{message}\nAll previous unanswered requests will be dropped.\" }}"));

    /// <summary>The head of a stream of lines.</summary>
    public static void WriteStreamHead(IBufferWriter<byte> output, bool chunked)
    {
        output.Write("HTTP/1.1 200 \r\nServer: Cloud Hypervisor API\r\nConnection: "u8);
        output.Write(chunked ? "keep-alive"u8 : "close"u8);
        output.Write("\r\nContent-Type: application/x-ndjson\r\n"u8);
        if (chunked) output.Write("Transfer-Encoding: chunked\r\n"u8);
        output.Write("\r\n"u8);
    }

    /// <summary>A line of a stream.</summary>
    public static void WriteStreamLine(IBufferWriter<byte> output, bool chunked, ReadOnlySpan<byte> line)
    {
        if (chunked)
        {
            Span<byte> size = stackalloc byte[8];
            _ = (line.Length + 1).TryFormat(size, out int digits, "x", CultureInfo.InvariantCulture);
            output.Write(size[..digits]);
            output.Write("\r\n"u8);
        }

        output.Write(line);
        output.Write(chunked ? "\n\r\n"u8 : "\n"u8);
    }

    private static void Write(IBufferWriter<byte> output, int status, ReadOnlySpan<byte> server, ReadOnlySpan<byte> document)
    {
        Span<byte> number = stackalloc byte[16];
        output.Write("HTTP/1.1 "u8);
        WriteNumber(output, number, status);
        output.Write(" \r\nServer: "u8);
        output.Write(server);
        output.Write("\r\nConnection: keep-alive\r\n"u8);
        if (status != NoContent)
        {
            output.Write("Content-Type: application/json\r\nContent-Length: "u8);
            WriteNumber(output, number, document.Length);
            output.Write("\r\n"u8);
        }

        output.Write("\r\n"u8);
        if (status != NoContent) output.Write(document);
    }

    private static void WriteNumber(IBufferWriter<byte> output, Span<byte> scratch, int value)
    {
        _ = value.TryFormat(scratch, out int length, provider: CultureInfo.InvariantCulture);
        output.Write(scratch[..length]);
    }
}
