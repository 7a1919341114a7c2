using System.Buffers;
using System.Text.Json;

namespace Plugvisor.Plugins.Schemas;

/// <summary>Writes JSON into memory.</summary>
internal static class JsonBytes
{
    // The writer keeps non-ASCII text and quotes readable; it never ends up in HTML.
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, Options)) write(writer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Whether something can be written; what it writes is dropped.</summary>
    public static bool Try(Func<Utf8JsonWriter, bool> write)
    {
        using var writer = new Utf8JsonWriter(Stream.Null, Options);
        return write(writer);
    }
}
