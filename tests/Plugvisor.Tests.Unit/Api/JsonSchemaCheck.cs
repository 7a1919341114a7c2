using System.Text.Json;

namespace Plugvisor.Tests.Unit.Api;

/// <summary>Holds JSON against a schema of an OpenAPI 3.0 document: the part of JSON Schema that such documents of ours use, strictly.</summary>
internal sealed class JsonSchemaCheck(JsonElement document)
{
    private const string Prefix = "#/components/schemas/";

    /// <summary>What is wrong with a value, a line each, by its place in it.</summary>
    public List<string> Check(JsonElement value, string schema)
    {
        var errors = new List<string>();
        Check(value, Named(schema), "$", errors);
        return errors;
    }

    public JsonElement Named(string schema) => document.GetProperty("components").GetProperty("schemas").GetProperty(schema);

    private void Check(JsonElement value, JsonElement schema, string place, List<string> errors)
    {
        if (schema.TryGetProperty("$ref", out JsonElement reference))
        {
            Check(value, Named(reference.GetString()![Prefix.Length..]), place, errors);
            return;
        }

        if (value.ValueKind == JsonValueKind.Null && schema.TryGetProperty("nullable", out JsonElement nullable) && nullable.GetBoolean()) return;
        foreach (JsonElement part in Items(schema, "allOf")) Check(value, part, place, errors);
        if (!HasType(value, schema.GetProperty("type").GetString()!))
        {
            errors.Add($"{place}: {value.GetRawText()} is no {schema.GetProperty("type")}");
            return;
        }

        if (schema.TryGetProperty("enum", out JsonElement values) && !values.EnumerateArray().Any(one => one.GetString() == value.GetString()))
            errors.Add($"{place}: {value} is not in the enum");
        if (schema.TryGetProperty("minimum", out JsonElement min) && value.GetDecimal() < min.GetDecimal()) errors.Add($"{place}: {value} < {min}");
        if (schema.TryGetProperty("maximum", out JsonElement max) && value.GetDecimal() > max.GetDecimal()) errors.Add($"{place}: {value} > {max}");
        if (value.ValueKind == JsonValueKind.Object) CheckMembers(value, schema, place, errors);
        if (value.ValueKind != JsonValueKind.Array) return;
        int index = 0;
        foreach (JsonElement item in value.EnumerateArray()) Check(item, schema.GetProperty("items"), $"{place}[{index++}]", errors);
    }

    private void CheckMembers(JsonElement value, JsonElement schema, string place, List<string> errors)
    {
        foreach (JsonElement name in Items(schema, "required"))
        {
            if (!value.TryGetProperty(name.GetString()!, out _)) errors.Add($"{place}: {name} is missing");
        }

        schema.TryGetProperty("properties", out JsonElement properties);
        schema.TryGetProperty("additionalProperties", out JsonElement others);
        foreach (JsonProperty member in value.EnumerateObject())
        {
            string at = $"{place}.{member.Name}";
            if (properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(member.Name, out JsonElement declared))
                Check(member.Value, declared, at, errors);
            else if (others.ValueKind == JsonValueKind.Object) Check(member.Value, others, at, errors);
            else if (others.ValueKind != JsonValueKind.True && !schema.TryGetProperty("allOf", out _)) errors.Add($"{at} is not declared");
        }
    }

    private static bool HasType(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && (value.TryGetInt64(out _) || value.TryGetUInt64(out _)),
        _ => false,
    };

    private static JsonElement.ArrayEnumerator Items(JsonElement schema, string name) =>
        schema.TryGetProperty(name, out JsonElement list) ? list.EnumerateArray() : default;
}
