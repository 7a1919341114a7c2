using System.Buffers;
using System.Text.Json;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Configuration;
using Plugvisor.Control;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;

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
        if (info.DeviceTree is { } tree)
        {
            output.WriteStartObject("device_tree"u8);
            foreach (DeviceTreeNode node in tree) WriteNode(output, node);
            output.WriteEndObject();
        }

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

    private static void WriteNode(Utf8JsonWriter output, DeviceTreeNode node)
    {
        output.WriteStartObject(node.Id);
        output.WriteString("id"u8, node.Id);
        output.WriteStartArray("resources"u8);
        foreach (PciBarResource bar in node.Bars)
        {
            output.WriteStartObject();
            output.WriteStartObject("PciBar"u8);
            output.WriteNumber("index"u8, bar.Index);
            output.WriteNumber("base"u8, bar.Base);
            output.WriteNumber("size"u8, bar.Size);
            output.WriteString("type_"u8, bar.Kind switch
            {
                PciBarKind.Io => "Io"u8,
                PciBarKind.Memory64 => "Mmio64"u8,
                _ => "Mmio32"u8,
            });
            output.WriteBoolean("prefetchable"u8, bar.Prefetchable);
            output.WriteEndObject();
            output.WriteEndObject();
        }

        foreach (AddressRange range in node.Memory)
        {
            output.WriteStartObject();
            output.WriteStartObject("MmioAddressRange"u8);
            output.WriteNumber("base"u8, range.Start);
            output.WriteNumber("size"u8, range.Length);
            output.WriteEndObject();
            output.WriteEndObject();
        }

        output.WriteEndArray();
        if (node.Parent is { } parent) output.WriteString("parent"u8, parent);
        output.WriteStartArray("children"u8);
        foreach (string child in node.Children) output.WriteStringValue(child);
        output.WriteEndArray();
        if (node.PciAddress is { } address) output.WriteString("pci_bdf"u8, address);
        output.WriteEndObject();
    }

    internal static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
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
