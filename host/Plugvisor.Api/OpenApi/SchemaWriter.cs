using System.Text.Json;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Api.OpenApi;

/// <summary>Turns declarations into JSON schemas.</summary>
internal static class SchemaWriter
{
    public static void WriteObject(Utf8JsonWriter output, ObjectDeclaration declaration)
    {
        output.WriteStartObject();
        output.WriteString("type", "object");
        WriteRequired(output, declaration);
        output.WriteStartObject("properties");
        foreach (MemberDeclaration member in declaration.Members)
        {
            if (member is { IsHidden: true, Cli: null }) continue;   // there to be refused
            output.WritePropertyName(member.Name);
            WriteMember(output, member, declaration.ShowsNulls);
        }

        output.WriteEndObject();
        if (declaration.RejectsUnknown) output.WriteBoolean("additionalProperties", false);
        output.WriteEndObject();
    }

    public static void WriteToggle(Utf8JsonWriter output, bool standard)
    {
        output.WriteStartObject();
        output.WriteString("type", "boolean");
        output.WriteBoolean("default", standard);
        output.WriteEndObject();
    }

    private static void WriteRequired(Utf8JsonWriter output, ObjectDeclaration declaration)
    {
        bool open = false;
        foreach (MemberDeclaration member in declaration.Members)
        {
            if (!member.IsRequired) continue;
            if (!open) output.WriteStartArray("required");
            open = true;
            output.WriteStringValue(member.Name);
        }

        if (open) output.WriteEndArray();
    }

    private static void WriteMember(Utf8JsonWriter output, MemberDeclaration member, bool nullable)
    {
        if (member.Type == MemberType.Object)
        {
            // An object stands in full: declarations have no names of their own.
            if (!nullable || member.IsRequired)
            {
                WriteObject(output, member.Object!);
                return;
            }

            output.WriteStartObject();
            output.WriteBoolean("nullable", true);
            output.WriteString("type", "object");
            output.WriteStartArray("allOf");
            WriteObject(output, member.Object!);
            output.WriteEndArray();
            output.WriteEndObject();
            return;
        }

        output.WriteStartObject();
        bool list = member.Type is MemberType.Strings or MemberType.Integers or MemberType.Tuples;
        if (Description(member) is { } description) output.WriteString("description", description);
        if (list)
        {
            output.WriteString("type", "array");
            output.WritePropertyName("items");
            if (member.Type == MemberType.Tuples)
            {
                WriteObject(output, member.Object!);
                output.WriteEndObject();
                return;
            }

            output.WriteStartObject();
        }

        WriteScalar(output, member);
        if (list) output.WriteEndObject();
        if (nullable && !member.IsRequired) output.WriteBoolean("nullable", true);
        if (member.DefaultJson is { } standard)
        {
            output.WritePropertyName("default");
            output.WriteRawValue(standard);
        }

        output.WriteEndObject();
    }

    private static void WriteScalar(Utf8JsonWriter output, MemberDeclaration member)
    {
        switch (member.Type)
        {
            case MemberType.Toggle:
                output.WriteString("type", "boolean");
                break;
            case MemberType.Integer or MemberType.Integers:
                WriteInteger(output, member);
                break;
            case MemberType.Enum:
                output.WriteString("type", "string");
                output.WriteStartArray("enum");
                foreach (ValueDeclaration value in member.Values) output.WriteStringValue(value.Name);
                output.WriteEndArray();
                break;
            default:
                output.WriteString("type", "string");
                if (member.MaxLength > 0) output.WriteNumber("maxLength", member.MaxLength);
                break;
        }
    }

    private static void WriteInteger(Utf8JsonWriter output, MemberDeclaration member)
    {
        output.WriteString("type", "integer");
        output.WriteString("format", member.Width.Bits > 32 || (member.Width.Bits == 32 && !member.Width.IsSigned) ? "int64" : "int32");
        output.WriteNumber("minimum", Math.Max(member.Min, member.Width.Min));
        ulong max = Math.Min(member.Max, member.Width.Max);
        if (max <= long.MaxValue) output.WriteNumber("maximum", max);
        if (member.MultipleOf > 0) output.WriteNumber("multipleOf", member.MultipleOf);
    }

    private static string? Description(MemberDeclaration member)
    {
        string? text = member.Help;
        if (text is null) return null;
        if (member.PowerOfTwoMax > 0 && !text.Contains("power of two", StringComparison.Ordinal)) text += "; a power of two";
        return member.IsByteSize ? text + " (bytes)" : member.Unit is { } unit ? $"{text} ({unit})" : text;
    }
}
