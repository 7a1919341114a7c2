using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Api.OpenApi;

/// <summary>
/// Describes the API as an OpenAPI 3.0 document, made of the same tables and declarations that the API runs on, so that it cannot say anything else.
/// </summary>
public static class OpenApiDocument
{
    /// <summary>What comes before an operation's name in its path.</summary>
    public const string Root = "/api/v1/";

    /// <summary>The document of a VMM with these device kinds, as JSON text in UTF-8.</summary>
    public static ReadOnlyMemory<byte> Write(IReadOnlyList<DeviceConfigSchema> kinds) => Write(ApiOperations.For(kinds), kinds);

    /// <summary>The document as JSON text in UTF-8.</summary>
    /// <param name="catalog">What is offered.</param>
    /// <param name="kinds">The device kinds that there are.</param>
    public static ReadOnlyMemory<byte> Write(ApiCatalog catalog, IReadOnlyList<DeviceConfigSchema> kinds)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var output = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            output.WriteStartObject();
            output.WriteString("openapi", "3.0.3");
            WriteInfo(output);
            output.WriteStartArray("security");
            output.WriteEndArray();
            WriteTags(output);
            output.WriteStartObject("paths");
            foreach (ApiOperation operation in catalog.Operations) OperationWriter.Write(output, operation);
            OperationWriter.WriteStreams(output);
            output.WriteEndObject();
            output.WriteStartObject("components");
            output.WriteStartObject("schemas");
            SchemaCatalog.Write(output, catalog, kinds);
            output.WriteEndObject();
            output.WriteEndObject();
            output.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static void WriteInfo(Utf8JsonWriter output)
    {
        output.WriteStartObject("info");
        output.WriteString("title", "Plugvisor API");
        output.WriteString("description", "Controls one virtual machine over a Unix socket. Speaks the interface of Cloud Hypervisor; each device "
            + "plugin that is loaded adds its own operation.");
        output.WriteString("version", InterfaceVersion.Number);
        output.WriteStartObject("license");
        output.WriteString("name", "Apache 2.0");
        output.WriteString("url", "https://www.apache.org/licenses/LICENSE-2.0.html");
        output.WriteEndObject();
        output.WriteEndObject();

        output.WriteStartArray("servers");
        output.WriteStartObject();
        output.WriteString("url", "http://localhost/api/v1");
        output.WriteString("description", "Over the Unix socket of --api-socket; the host name means nothing");
        output.WriteEndObject();
        output.WriteEndArray();
    }

    private static void WriteTags(Utf8JsonWriter output)
    {
        output.WriteStartArray("tags");
        Tag(output, OperationWriter.VmmTag, "The process");
        Tag(output, OperationWriter.VmTag, "The virtual machine");
        Tag(output, OperationWriter.DeviceTag, "Devices, most of them from plugins");
        output.WriteEndArray();
    }

    private static void Tag(Utf8JsonWriter output, string name, string description)
    {
        output.WriteStartObject();
        output.WriteString("name", name);
        output.WriteString("description", description);
        output.WriteEndObject();
    }
}
