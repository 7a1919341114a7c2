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
    public static JsonElement Normalize(ObjectDeclaration config, JsonElement given, string title)
    {
        ConfigReader.RequireObject(given, title);
        var writer = new JsonBuffer();
        WriteObject(writer, config, given);
        return JsonElement.Parse(writer.Written);
    }

    private static void WriteObject(JsonBuffer writer, ObjectDeclaration config, JsonElement given)
    {
        if (config.RejectsUnknown)
        {
            foreach (var property in given.EnumerateObject())
            {
                if (config.Find(property.Name) is null) throw ConfigReader.Unknown(property.Name);
            }
        }

        writer.StartObject();
        foreach (var member in config.Members)
        {
            if (given.TryGetProperty(member.Name, out var value) && value.ValueKind != JsonValueKind.Null) WriteGiven(writer, member, value);
            else if (member.IsRequired) throw ConfigReader.Missing(member.Name);
            else if (member.IsOmittedByDefault) continue;
            else if (member.DefaultJson is not null)
            {
                writer.Name(member.Name);
                writer.Raw(member.DefaultJson);
            }
            else if (config.ShowsNulls)
            {
                writer.Name(member.Name);
                writer.Raw("null");
            }
        }

        writer.EndObject();
    }

    private static void WriteGiven(JsonBuffer writer, MemberDeclaration member, JsonElement value)
    {
        if (member.IsOmittedByDefault && value.GetRawText() == member.DefaultJson) return;
        writer.Name(member.Name);
        switch (member.Type)
        {
            case MemberType.Object:
                ConfigReader.RequireObject(value, member.Name);
                WriteObject(writer, member.Object!, value);
                break;
            case MemberType.Strings or MemberType.Integers or MemberType.Tuples:
                ConfigReader.RequireArray(value, member.Name);
                writer.StartArray();
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

                writer.EndArray();
                break;
            default:
                WriteScalar(writer, member, value);
                break;
        }
    }

    private static void WriteScalar(JsonBuffer writer, MemberDeclaration member, JsonElement value)
    {
        switch (member.Type)
        {
            case MemberType.String or MemberType.Strings:
                writer.String(ConfigReader.ReadString(value, member.Name));
                break;
            case MemberType.Toggle:
                writer.Boolean(ConfigReader.ReadToggle(value, member.Name));
                break;
            case MemberType.Enum:
                writer.String(ReadEnum(member, value));
                break;
            default:
                if (member.Width.IsSigned) writer.Number(ConfigReader.ReadSigned(value, member.Name, member.Width.Min, (long)member.Width.Max));
                else writer.Number(ConfigReader.ReadUnsigned(value, member.Name, member.Width.Max));
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
