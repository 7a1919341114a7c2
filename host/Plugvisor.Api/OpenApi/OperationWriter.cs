using System.Globalization;
using System.Text.Json;

namespace Plugvisor.Api.OpenApi;

/// <summary>Writes the paths of an OpenAPI document.</summary>
internal static class OperationWriter
{
    public const string VmmTag = "VMM", VmTag = "VM", DeviceTag = "Devices";

    public static void Write(Utf8JsonWriter output, ApiOperation operation)
    {
        output.WriteStartObject("/" + operation.Name);
        output.WriteStartObject(operation.Verb == ApiVerb.Get ? "get" : "put");
        WriteHead(output, operation.Name, TagOf(operation), operation.Summary, operation.Missing);
        if (operation.Body == ApiBody.Required) WriteBody(output, operation);
        output.WriteStartObject("responses");
        WriteSuccess(output, operation);
        WriteErrors(output, operation);
        output.WriteEndObject();
        output.WriteEndObject();
        output.WriteEndObject();
    }

    /// <summary>What the REST front end offers besides the operations.</summary>
    public static void WriteStreams(Utf8JsonWriter output)
    {
        WriteStream(output, "vmm.events", "Follow what happens: one JSON event a line, until the client goes or the VMM ends", "application/x-ndjson", "VmmEvent");
        WriteStream(output, "openapi.json", "This document", "application/json", null);
    }

    private static void WriteStream(Utf8JsonWriter output, string name, string summary, string type, string? schema)
    {
        output.WriteStartObject("/" + name);
        output.WriteStartObject("get");
        WriteHead(output, name, VmmTag, summary, null);
        output.WriteStartObject("responses");
        output.WriteStartObject("200");
        output.WriteString("description", "As asked for");
        output.WriteStartObject("content");
        output.WriteStartObject(type);
        if (schema is null)
        {
            output.WriteStartObject("schema");
            output.WriteString("type", "object");
            output.WriteEndObject();
        }
        else
        {
            WriteReference(output, schema);
        }

        output.WriteEndObject();
        output.WriteEndObject();
        output.WriteEndObject();
        WriteError(output, "400", "The request is wrong");
        output.WriteEndObject();
        output.WriteEndObject();
        output.WriteEndObject();
    }

    private static string TagOf(ApiOperation operation)
    {
        if (operation.Name.StartsWith("vmm.", StringComparison.Ordinal)) return VmmTag;
        return operation.Name.StartsWith("vm.add-", StringComparison.Ordinal) || operation.Name == "vm.remove-device" ? DeviceTag : VmTag;
    }

    private static void WriteHead(Utf8JsonWriter output, string name, string tag, string summary, string? missing)
    {
        output.WriteString("operationId", SchemaNames.Words(name));
        output.WriteStartArray("tags");
        output.WriteStringValue(tag);
        output.WriteEndArray();
        output.WriteString("summary", summary);
        if (missing is not null) output.WriteString("description", missing + ": the answer is 501.");
    }

    private static void WriteBody(Utf8JsonWriter output, ApiOperation operation)
    {
        output.WriteStartObject("requestBody");
        output.WriteBoolean("required", true);
        output.WriteStartObject("content");
        output.WriteStartObject("application/json");
        if (operation.RequestSchema is { } schema)
        {
            WriteReference(output, schema);
        }
        else
        {
            output.WriteStartObject("schema");
            output.WriteString("type", "object");
            output.WriteEndObject();
        }

        if (SchemaCatalog.ExampleOf(operation) is { } example)
        {
            output.WritePropertyName("example");
            example.WriteTo(output);
        }

        output.WriteEndObject();
        output.WriteEndObject();
        output.WriteEndObject();
    }

    private static void WriteSuccess(Utf8JsonWriter output, ApiOperation operation)
    {
        if (operation.Reply is ApiReplyKind.NoContent or ApiReplyKind.DocumentOrNoContent)
        {
            output.WriteStartObject("204");
            output.WriteString("description", operation.Reply == ApiReplyKind.NoContent ? "Done" : "Done; the VM is not booted, so the device has no address yet");
            output.WriteEndObject();
        }

        if (operation.Reply == ApiReplyKind.NoContent) return;
        output.WriteStartObject("200");
        output.WriteString("description", "Done");
        if (operation.ReplySchema is { } schema)
        {
            output.WriteStartObject("content");
            output.WriteStartObject("application/json");
            WriteReference(output, schema);
            output.WriteEndObject();
            output.WriteEndObject();
        }

        output.WriteEndObject();
    }

    private static void WriteErrors(Utf8JsonWriter output, ApiOperation operation)
    {
        WriteError(output, Text(ApiStatus.BadRequest), "The request, its document or the configuration is wrong");
        if (!operation.IsImplemented)
        {
            WriteError(output, Text(ApiStatus.NotImplemented), "This version cannot do it");
            return;
        }

        if (operation.Name.StartsWith("vm.", StringComparison.Ordinal)) WriteError(output, Text(ApiStatus.NotFound), "There is no VM, or no such device");
        if (operation.Device is not null || operation.Name == "vm.boot") WriteError(output, Text(ApiStatus.Conflict), "A name or a path is in use");
        WriteError(output, Text(ApiStatus.InternalError), "It failed, or is not legal in the VM's state");
    }

    private static void WriteError(Utf8JsonWriter output, string status, string description)
    {
        output.WriteStartObject(status);
        output.WriteString("description", description);
        output.WriteStartObject("content");
        output.WriteStartObject("application/json");
        WriteReference(output, SchemaNames.Errors);
        output.WriteEndObject();
        output.WriteEndObject();
        output.WriteEndObject();
    }

    private static void WriteReference(Utf8JsonWriter output, string schema)
    {
        output.WriteStartObject("schema");
        output.WriteString("$ref", "#/components/schemas/" + schema);
        output.WriteEndObject();
    }

    private static string Text(ApiStatus status) => ((int)status).ToString(CultureInfo.InvariantCulture);
}
