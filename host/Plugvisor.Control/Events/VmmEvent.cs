using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Plugvisor.Control.Events;

/// <summary>One thing that happened in the VMM. Immutable; any thread.</summary>
public sealed class VmmEvent
{
    private const string LossSource = "vmm", LossEvent = "events-lost", LossProperty = "count";

    // Readers take the text as data, not as part of a page: only what JSON itself demands is escaped.
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Indented = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true, IndentSize = 2, NewLine = "\n",
    };

    /// <summary>An event.</summary>
    /// <param name="seconds">Whole seconds since the monitor's start.</param>
    /// <param name="nanoseconds">The rest, below 1,000,000,000.</param>
    /// <param name="source">What it is about: <c>vmm</c>, <c>vm</c>, <c>virtio-device</c>, <c>guest</c> ...</param>
    /// <param name="name">What happened: <c>booted</c> ...</param>
    /// <param name="properties">Details, or null. Not changed by anybody after this call.</param>
    public VmmEvent(ulong seconds, uint nanoseconds, string source, string name, IReadOnlyDictionary<string, string>? properties)
    {
        Seconds = seconds;
        Nanoseconds = nanoseconds;
        Source = source;
        Name = name;
        Properties = properties;
    }

    /// <summary>Whole seconds since the monitor's start.</summary>
    public ulong Seconds { get; }

    /// <summary>Nanoseconds beyond <see cref="Seconds"/>.</summary>
    public uint Nanoseconds { get; }

    /// <summary>What it is about.</summary>
    public string Source { get; }

    /// <summary>What happened; the member <c>event</c> of the document.</summary>
    public string Name { get; }

    /// <summary>Details, or null.</summary>
    public IReadOnlyDictionary<string, string>? Properties { get; }

    /// <summary>
    /// Not 0: this is no event but the notice, in their place, that so many events were lost because the subscriber did not read in time.
    /// It renders as <c>vmm</c>/<c>events-lost</c> with the property <c>count</c>.
    /// </summary>
    public long Lost { get; private init; }

    /// <summary>The document on one line, without a line end (UTF-8).</summary>
    public byte[] ToCompactJson() => Render(Compact);

    /// <summary>The document over several lines with an indentation of two spaces, without a last line end (UTF-8): what the event monitor
    /// writes and the D-Bus signal carries.</summary>
    public byte[] ToIndentedJson() => Render(Indented);

    /// <summary>A notice of loss.</summary>
    internal static VmmEvent LossNotice(ulong seconds, uint nanoseconds, long lost) =>
        new(seconds, nanoseconds, LossSource, LossEvent, new Dictionary<string, string> { [LossProperty] = lost.ToString(CultureInfo.InvariantCulture) })
        {
            Lost = lost,
        };

    private byte[] Render(JsonWriterOptions options)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            json.WriteStartObject("timestamp");
            json.WriteNumber("secs", Seconds);
            json.WriteNumber("nanos", Nanoseconds);
            json.WriteEndObject();
            json.WriteString("source", Source);
            json.WriteString("event", Name);
            if (Properties is null)
            {
                json.WriteNull("properties");
            }
            else
            {
                json.WriteStartObject("properties");
                foreach ((string name, string value) in Properties) json.WriteString(name, value);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
