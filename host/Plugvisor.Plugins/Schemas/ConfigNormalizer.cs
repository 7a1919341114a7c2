using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Schemas;

/// <summary>
/// Brings a config into the form in which VmConfig keeps and shows it: the declared members in their order, defaults filled in, unknown
/// ones gone. Checks shapes and types, not meaning.
/// </summary>
internal static class ConfigNormalizer
{
    public static byte[] Normalize(ObjectDeclaration config, JsonElement given, string title)
    {
        ConfigReader.RequireObject(given, title);
        return JsonBytes.Write(writer => WriteObject(writer, config, given));
    }

    private static void WriteObject(Utf8JsonWriter writer, ObjectDeclaration config, JsonElement given)
    {
        if (config.RejectsUnknown)
        {
            foreach (var property in given.EnumerateObject())
            {
                if (config.Find(property.Name) is null) throw ConfigReader.Unknown(property.Name);
            }
        }

        writer.WriteStartObject();
        foreach (var member in config.Members)
        {
            if (given.TryGetProperty(member.Name, out var value) && value.ValueKind != JsonValueKind.Null) WriteGiven(writer, member, value);
            else if (member.IsRequired) throw ConfigReader.Missing(member.Name);
            else if (member.IsOmittedByDefault) continue;
            else if (member.DefaultJson is not null)
            {
                writer.WritePropertyName(member.Name);
                writer.WriteRawValue(member.DefaultJson, skipInputValidation: true);
            }
            else if (config.ShowsNulls) writer.WriteNull(member.Name);
        }

        writer.WriteEndObject();
    }

    private static void WriteGiven(Utf8JsonWriter writer, MemberDeclaration member, JsonElement value)
    {
        if (member.IsOmittedByDefault && value.GetRawText() == member.DefaultJson) return;
        writer.WritePropertyName(member.Name);
        switch (member.Type)
        {
            case MemberType.Object:
                ConfigReader.RequireObject(value, member.Name);
                WriteObject(writer, member.Object!, value);
                break;
            case MemberType.Strings or MemberType.Integers or MemberType.Tuples:
                ConfigReader.RequireArray(value, member.Name);
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    if (member.Type == MemberType.Tuples)
                    {
                        ConfigReader.RequireObject(item, member.Name);
                        WriteObject(writer, member.Object!, item);
                    }
                    else
                    {
                        WriteScalar(writer, member, item);
                    }
                }

                writer.WriteEndArray();
                break;
            default:
                WriteScalar(writer, member, value);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, MemberDeclaration member, JsonElement value)
    {
        switch (member.Type)
        {
            case MemberType.String or MemberType.Strings:
                writer.WriteStringValue(ConfigReader.ReadString(value, member.Name));
                break;
            case MemberType.Toggle:
                writer.WriteBooleanValue(ConfigReader.ReadToggle(value, member.Name));
                break;
            case MemberType.Enum:
                writer.WriteStringValue(ReadEnum(member, value));
                break;
            default:
                if (member.Width.IsSigned) writer.WriteNumberValue(ConfigReader.ReadSigned(value, member.Name, member.Width.Min, (long)member.Width.Max));
                else writer.WriteNumberValue(ConfigReader.ReadUnsigned(value, member.Name, member.Width.Max));
                break;
        }
    }

    private static string ReadEnum(MemberDeclaration member, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            foreach (var candidate in member.Values)
            {
                if (value.ValueEquals(candidate.Name)) return candidate.Name;
            }
        }

        var names = new string[member.Values.Count];
        for (var i = 0; i < names.Length; i++) names[i] = member.Values[i].Name;
        throw ConfigReader.UnknownValue(value, member.Name, string.Join(", ", names));
    }
}
