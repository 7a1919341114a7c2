using System.Buffers;
using System.Text.Json;
using Plugvisor.Configuration;
using Plugvisor.Control;

namespace Plugvisor.Api;

/// <summary>Writes results as JSON (interface reference sections 2.5 and 6).</summary>
internal static class VmDocuments
{
    public static ReadOnlyMemory<byte> Ping() => Write(static output =>
    {
        output.WriteStartObject();
        output.WriteString("build_version"u8, InterfaceVersion.Build);
        output.WriteString("version"u8, InterfaceVersion.Number);
        output.WriteNumber("pid"u8, Environment.ProcessId);
        output.WriteStartArray("features"u8);
        foreach (string feature in InterfaceVersion.Features) output.WriteStringValue(feature);
        output.WriteEndArray();
        output.WriteEndObject();
    });

    public static ReadOnlyMemory<byte> Info(VmInfo info) => Write(output =>
    {
        output.WriteStartObject();
        output.WritePropertyName("config"u8);
        VmConfigDocument.Write(info.Config, info.Kinds, output);
        output.WriteString("state"u8, info.State.ToString());
        output.WriteNumber("memory_actual_size"u8, info.MemoryActualSize);
        output.WriteEndObject();
    });

    public static ReadOnlyMemory<byte> Counters(IReadOnlyDictionary<string, IReadOnlyDictionary<string, ulong>> devices) => Write(output =>
    {
        output.WriteStartObject();
        foreach ((string device, IReadOnlyDictionary<string, ulong> counters) in devices)
        {
            output.WriteStartObject(device);
            foreach ((string name, ulong value) in counters) output.WriteNumber(name, value);
            output.WriteEndObject();
        }

        output.WriteEndObject();
    });

    public static ReadOnlyMemory<byte> Device(PciDeviceInfo device) => Write(output =>
    {
        output.WriteStartObject();
        output.WriteString("id"u8, device.Id);
        output.WriteString("bdf"u8, device.Bdf);
        output.WriteEndObject();
    });

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        // Paths and command lines are for people to read; nobody puts this text into a web page.
        using (var output = new Utf8JsonWriter(buffer, new JsonWriterOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            write(output);
        }

        return buffer.WrittenMemory;
    }
}
