using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Api.Requests;
using Plugvisor.Configuration;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Api.OpenApi;

/// <summary>The named schemas of an OpenAPI document.</summary>
internal static class SchemaCatalog
{
    private static readonly (string Name, string Declared)[] Requests =
    [
        (nameof(VmmPluginPath), VmmPluginPath.SchemaJson), (nameof(VmmPluginId), VmmPluginId.SchemaJson),
        (nameof(VmRemoveDevice), VmRemoveDevice.SchemaJson), (nameof(VmResize), VmResize.SchemaJson), (nameof(VmResizeDisk), VmResizeDisk.SchemaJson),
        (nameof(VmResizeZone), VmResizeZone.SchemaJson), (nameof(VmSnapshotConfig), VmSnapshotConfig.SchemaJson),
        (nameof(VmCoredumpData), VmCoredumpData.SchemaJson), (nameof(RestoreConfig), RestoreConfig.SchemaJson),
        (nameof(ReceiveMigrationData), ReceiveMigrationData.SchemaJson), (nameof(SendMigrationData), SendMigrationData.SchemaJson),
    ];

    public static void Write(Utf8JsonWriter output, ApiCatalog catalog, IReadOnlyList<DeviceConfigSchema> kinds)
    {
        var used = new HashSet<string> { SchemaNames.Errors, "VmmEvent", "DeviceNode", "PluginInfo" };
        foreach (ApiOperation operation in catalog.Operations)
        {
            if (operation.RequestSchema is { } request) used.Add(request);
            if (operation.ReplySchema is { } reply) used.Add(reply);
        }

        WriteVmConfig(output, kinds);
        foreach (HostSection section in HostSections.All)
        {
            if (section.Schema is not { } schema) continue;
            output.WritePropertyName(NameOf(section));
            SchemaWriter.WriteObject(output, schema.Declaration);
        }

        foreach (DeviceConfigSchema kind in kinds)
        {
            // A flag stands in VmConfig as true or false: nothing refers to its members unless such a device can be added.
            if (kind.Declaration is { Cardinality: DeviceCardinality.Flag, IsHotPluggable: false }) continue;
            output.WritePropertyName(SchemaNames.SchemaOf(kind.Declaration.Kind));
            SchemaWriter.WriteObject(output, kind.Declaration.Config);
        }

        foreach ((string name, string declared) in Requests)
        {
            if (!used.Contains(name)) continue;
            output.WritePropertyName(name);
            SchemaWriter.WriteObject(output, ObjectDeclaration.Parse(declared));
        }

        ReplySchemas.Write(output, used);
    }

    /// <summary>A document that the operation would take, or null.</summary>
    public static JsonElement? ExampleOf(ApiOperation operation)
    {
        if (operation.Device is { Declaration.Example: { } example } kind) return kind.FromOption(example);
        return operation.RequestSchema switch
        {
            nameof(VmmPluginPath) => JsonElement.Parse("""{"path":"/opt/plugins/virtio-example"}"""),
            nameof(VmmPluginId) => JsonElement.Parse("""{"id":"virtio-example"}"""),
            nameof(VmRemoveDevice) => JsonElement.Parse("""{"id":"_disk0"}"""),
            "VmConfig" => JsonElement.Parse(
                """{"cpus":{"boot_vcpus":2,"max_vcpus":2},"memory":{"size":1073741824},"payload":{"kernel":"/images/vmlinux","cmdline":"console=ttyS0"}}"""),
            _ => null,
        };
    }

    private static void WriteVmConfig(Utf8JsonWriter output, IReadOnlyList<DeviceConfigSchema> kinds)
    {
        output.WriteStartObject("VmConfig");
        output.WriteString("type", "object");
        output.WriteString("description", "A virtual machine; what is left out has its default");
        output.WriteStartObject("properties");
        foreach (HostSection section in HostSections.All)
        {
            output.WritePropertyName(section.Name);
            if (section.Shape == HostSectionShape.Toggle) SchemaWriter.WriteToggle(output, false);
            else WriteReference(output, NameOf(section), section.Shape == HostSectionShape.List);
        }

        foreach (DeviceConfigSchema kind in kinds)
        {
            output.WritePropertyName(kind.Declaration.Section);
            if (kind.Declaration.Cardinality == DeviceCardinality.Flag) SchemaWriter.WriteToggle(output, false);
            else WriteReference(output, SchemaNames.SchemaOf(kind.Declaration.Kind), kind.Declaration.Cardinality == DeviceCardinality.List);
        }

        output.WriteEndObject();
        output.WriteEndObject();
    }

    private static void WriteReference(Utf8JsonWriter output, string schema, bool list)
    {
        output.WriteStartObject();
        if (list)
        {
            output.WriteString("type", "array");
            output.WriteStartObject("items");
        }

        output.WriteString("$ref", "#/components/schemas/" + schema);
        if (list) output.WriteEndObject();
        output.WriteEndObject();
    }

    private static string NameOf(HostSection section) =>
        SchemaNames.Words(section.Shape == HostSectionShape.List && section.Name[^1] == 's' ? section.Name[..^1] : section.Name) + "Config";
}
