using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>VmConfig as a JSON document: what <c>vm.create</c> takes and <c>vm.info</c> shows. Any thread.</summary>
public static class VmConfigDocument
{
    // Members of the interface (reference section 2.1) for which there is no code here until a plugin brings it. Ignoring one that was given
    // would boot another machine than the one that was asked for.
    private static readonly string[] Known =
    [
        "net", "fs", "pmem", "devices", "user_devices", "vdpa", "generic_vhost_user", "balloon", "vsock", "ivshmem", "rtc",
        "pvmemcontrol", "pvpanic", "watchdog", "gdb", "disks", "rng", "console",
    ];

    /// <summary>Reads a document. Unknown members are ignored; meaning is not checked.</summary>
    /// <param name="json">The document.</param>
    /// <param name="kinds">The device kinds that there are.</param>
    /// <param name="dropped">Hears the name of a member that has numbers of descriptors, which mean nothing in another process and are ignored.</param>
    /// <exception cref="ConfigException">It does not have the shape of a VmConfig.</exception>
    public static VmConfig Read(JsonElement json, IReadOnlyList<DeviceConfigSchema> kinds, Action<string>? dropped = null)
    {
        ConfigReader.RequireObject(json, "VmConfig");
        var builder = new VmConfigBuilder();
        foreach (JsonProperty member in json.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null) continue;
            if (HostSections.Find(member.Name) is { } section) builder.Set(section, member.Value);
            else if (Find(kinds, member.Name) is { } kind) ReadDevices(builder, kind, member.Value, dropped);
            else if (IsKnown(member)) builder.AddUnserved(member.Name);
        }

        builder.AddDefaultDevices(kinds);
        return builder.Build();
    }

    /// <summary>Writes a document.</summary>
    public static void Write(VmConfig config, IReadOnlyList<DeviceConfigSchema> kinds, Utf8JsonWriter output)
    {
        output.WriteStartObject();
        foreach (HostSection section in HostSections.All)
        {
            if ((config.Given(section) ?? section.Default) is not { } json) continue;
            output.WritePropertyName(section.Name);
            json.WriteTo(output);
        }

        foreach (DeviceConfigSchema kind in kinds) WriteDevices(config, kind.Declaration, output);
        output.WriteEndObject();
    }

    private static void ReadDevices(VmConfigBuilder builder, DeviceConfigSchema kind, JsonElement json, Action<string>? dropped)
    {
        if (kind.Declaration.Cardinality != DeviceCardinality.List)
        {
            if (json.ValueKind != JsonValueKind.False || kind.Declaration.Cardinality != DeviceCardinality.Flag)
                builder.Add(new DeviceSpec(kind, kind.NormalizeReceived(json, dropped)));
            return;
        }

        ConfigReader.RequireArray(json, kind.Declaration.Section);
        foreach (JsonElement device in json.EnumerateArray()) builder.Add(new DeviceSpec(kind, kind.NormalizeReceived(device, dropped)));
    }

    private static void WriteDevices(VmConfig config, DeviceDeclaration kind, Utf8JsonWriter output)
    {
        bool open = false;
        if (kind.Cardinality == DeviceCardinality.Flag)
        {
            output.WriteBoolean(kind.Section, Has(config, kind.Kind));
            return;
        }

        foreach (DeviceSpec device in config.Devices)
        {
            if (device.Kind != kind.Kind) continue;
            if (!open) output.WritePropertyName(kind.Section);
            if (!open && kind.Cardinality == DeviceCardinality.List) output.WriteStartArray();
            open = true;
            Shown(device).WriteTo(output);
        }

        if (open && kind.Cardinality == DeviceCardinality.List) output.WriteEndArray();
    }

    /// <summary>Numbers of descriptors mean something in this process only: who reads the document sees how many there are.</summary>
    private static JsonElement Shown(DeviceSpec device)
    {
        foreach (MemberDeclaration member in device.Schema.Declaration.Config.Members)
        {
            if (!member.IsDescriptor) continue;
            int count = device.Descriptors.Count;
            if (count == 0 && device.Config.TryGetProperty(member.Name, out JsonElement given)) count = given.GetArrayLength();
            if (count > 0) return device.WithRaw(member.Name, $"[{string.Join(',', Enumerable.Repeat("-1", count))}]").Config;
        }

        return device.Config;
    }

    private static bool Has(VmConfig config, string kind)
    {
        foreach (DeviceSpec device in config.Devices)
        {
            if (device.Kind == kind) return true;
        }

        return false;
    }

    private static DeviceConfigSchema? Find(IReadOnlyList<DeviceConfigSchema> kinds, string section)
    {
        foreach (DeviceConfigSchema kind in kinds)
        {
            if (kind.Declaration.Section == section) return kind;
        }

        return null;
    }

    /// <summary>Whether the member asks for something. Empty lists and toggles that are off do not.</summary>
    private static bool IsKnown(JsonProperty member) =>
        member.Value.ValueKind != JsonValueKind.False && !(member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() == 0)
        && Array.IndexOf(Known, member.Name) >= 0;
}
