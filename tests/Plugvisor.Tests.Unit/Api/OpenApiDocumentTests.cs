using System.Text.Json;
using Plugvisor.Api;
using Plugvisor.Api.OpenApi;
using Plugvisor.Configuration;
using Plugvisor.Tests.Unit.Configuration;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Api;

public sealed class OpenApiDocumentTests
{
    private static readonly ApiCatalog Catalog = ApiOperations.For(ShippedKinds.All);
    private static readonly JsonElement Document = JsonElement.Parse(OpenApiDocument.Write(Catalog, ShippedKinds.All).Span);

    [Fact]
    public void Every_operation_has_its_path_its_verb_and_its_answers()
    {
        JsonElement paths = Document.GetProperty("paths");
        foreach (ApiOperation operation in Catalog.Operations)
        {
            JsonElement path = paths.GetProperty("/" + operation.Name).GetProperty(operation.Verb == ApiVerb.Get ? "get" : "put");
            Assert.Equal(operation.Body == ApiBody.Required, path.TryGetProperty("requestBody", out _));
            JsonElement responses = path.GetProperty("responses");
            Assert.Equal(operation.Reply is ApiReplyKind.NoContent or ApiReplyKind.DocumentOrNoContent, responses.TryGetProperty("204", out _));
            Assert.Equal(operation.Reply != ApiReplyKind.NoContent, responses.TryGetProperty("200", out _));
            Assert.Equal(!operation.IsImplemented, responses.TryGetProperty("501", out _));
        }
    }

    [Fact]
    public void Every_reference_leads_somewhere_and_no_operation_id_is_used_twice()
    {
        var references = new List<string>();
        Collect(Document, "$ref", references);
        Assert.NotEmpty(references);
        JsonElement schemas = Document.GetProperty("components").GetProperty("schemas");
        Assert.All(references, reference => Assert.True(schemas.TryGetProperty(reference["#/components/schemas/".Length..], out _), reference));

        var ids = new List<string>();
        Collect(Document.GetProperty("paths"), "operationId", ids);
        Assert.Equal(ids.Distinct(), ids);
    }

    [Fact]
    public void Every_example_has_the_shape_of_its_schema()
    {
        var check = new JsonSchemaCheck(Document);
        int examples = 0;
        foreach (ApiOperation operation in Catalog.Operations)
        {
            if (SchemaCatalog.ExampleOf(operation) is not { } example) continue;
            examples++;
            Assert.Empty(check.Check(example, operation.RequestSchema!));
        }

        Assert.True(examples >= 3);
    }

    [Fact]
    public void Defaults_limits_and_choices_come_from_the_declarations()
    {
        JsonElement disk = new JsonSchemaCheck(Document).Named("DiskConfig").GetProperty("properties");
        Assert.Equal(128, disk.GetProperty("queue_size").GetProperty("default").GetInt32());
        Assert.Equal(3, disk.GetProperty("queue_size").GetProperty("minimum").GetInt32());
        Assert.Contains("Qcow2", disk.GetProperty("image_type").GetProperty("enum").EnumerateArray().Select(value => value.GetString()));
        Assert.Equal(31, disk.GetProperty("pci_device_id").GetProperty("maximum").GetInt32());
        Assert.Equal(["boot_vcpus"],
            new JsonSchemaCheck(Document).Named("CpusConfig").GetProperty("required").EnumerateArray().Select(name => name.GetString()));
    }

    [Fact]
    public void What_the_VMM_shows_of_a_configuration_has_the_shape_that_it_describes()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var output = new Utf8JsonWriter(buffer))
        {
            VmConfigDocument.Write(VmConfigDocumentTests.Everything, ShippedKinds.All, output);
        }

        Assert.Empty(new JsonSchemaCheck(Document).Check(JsonElement.Parse(buffer.WrittenSpan), "VmConfig"));
    }

    private static void Collect(JsonElement json, string name, List<string> values)
    {
        if (json.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in json.EnumerateArray()) Collect(item, name, values);
        }

        if (json.ValueKind != JsonValueKind.Object) return;
        foreach (JsonProperty member in json.EnumerateObject())
        {
            if (member.Name == name && member.Value.ValueKind == JsonValueKind.String) values.Add(member.Value.GetString()!);
            else Collect(member.Value, name, values);
        }
    }
}
