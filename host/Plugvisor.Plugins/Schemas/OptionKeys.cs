using System.Globalization;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Plugins.Schemas;

/// <summary>Lists the keys of a config as the command line has them.</summary>
internal static class OptionKeys
{
    public static List<OptionKey> List(ObjectDeclaration config)
    {
        var keys = new List<OptionKey>();
        Add(keys, config, "", hidden: false, optional: false);
        return keys;
    }

    private static void Add(List<OptionKey> keys, ObjectDeclaration config, string prefix, bool hidden, bool optional)
    {
        foreach (var member in config.Members)
        {
            if (member.Cli is null) continue;
            if (member.Type == MemberType.Object) Add(keys, member.Object!, prefix + member.Cli, hidden || member.IsHidden, optional || !member.IsRequired);
            else if (member.ValuesAreKeys) AddValues(keys, config, member, prefix);
            else if (!IsValueKey(config, member)) keys.Add(Describe(member, prefix + member.Cli, member.Help, hidden, optional));
        }
    }

    private static void AddValues(List<OptionKey> keys, ObjectDeclaration config, MemberDeclaration member, string prefix)
    {
        foreach (var value in member.Values)
        {
            if (value.Cli is null) continue;
            var target = value.Into is null ? null : config.Find(value.Into);
            keys.Add(target is null
                ? new OptionKey { Name = prefix + value.Cli, Help = value.Help, IsHidden = member.IsHidden }
                : Describe(target, prefix + value.Cli, value.Help ?? target.Help, member.IsHidden, optional: false));
        }
    }

    private static OptionKey Describe(MemberDeclaration member, string key, string? help, bool hidden, bool optional)
    {
        var choices = Choices(member);
        return new OptionKey
        {
            Name = key,
            Value = choices.Count > 0 ? string.Join('|', choices) : Placeholder(member),
            Choices = choices,
            Default = member.CliDefault ?? Default(member),
            IsRequired = member.IsRequired && member.CliDefault is null && !optional,   // an object that may be left out needs none of its members
            IsPath = member.IsPath,
            IsHidden = hidden || member.IsHidden,
            Help = help,
        };
    }

    private static List<string> Choices(MemberDeclaration member)
    {
        var choices = new List<string>();
        if (member.Type == MemberType.Toggle) choices.AddRange("on", "off");
        foreach (var value in member.Values)
        {
            if (value.Cli is not null) choices.Add(value.Cli);
        }

        return choices;
    }

    private static string Placeholder(MemberDeclaration member) => member.Type switch
    {
        MemberType.Integer when member.IsByteSize => "<size[K|M|G]>",
        MemberType.Integer => $"<{member.Unit ?? "number"}>",
        MemberType.Integers => "<[n,n-n,...]>",
        MemberType.Strings => "<[a,b,...]>",
        MemberType.Tuples => $"<[{Element(member.Object!.Members[0])}@{Element(member.Object.Members[1])},...]>",
        _ => member.IsPath ? "<path>" : "<text>",
    };

    private static string Element(MemberDeclaration member) =>
        member.Type is MemberType.Integers or MemberType.Strings ? $"[{member.Name}]" : member.Name;

    /// <summary>The default as it would be typed.</summary>
    private static string? Default(MemberDeclaration member)
    {
        if (member.DefaultJson is not { } json) return null;
        switch (member.Type)
        {
            case MemberType.Toggle:
                return json == "true" ? "on" : "off";
            case MemberType.Integer:
                return member.IsByteSize ? Bytes(json) : json;
            case MemberType.Enum:
                foreach (var value in member.Values)
                {
                    if (json.AsSpan(1, json.Length - 2).SequenceEqual(value.Name)) return value.Cli;
                }

                return null;
            case MemberType.String:
                return json[1..^1];
            default:
                return null;
        }
    }

    private static string Bytes(string json) =>
        json.StartsWith('-') ? $"-{Bytes(json[1..])}" : Bytes(ulong.Parse(json, CultureInfo.InvariantCulture));

    private static string Bytes(ulong value) => value switch
    {
        > 0 when value % (1 << 30) == 0 => $"{value >> 30}G",
        > 0 when value % (1 << 20) == 0 => $"{value >> 20}M",
        > 0 when value % (1 << 10) == 0 => $"{value >> 10}K",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    private static bool IsValueKey(ObjectDeclaration config, MemberDeclaration member)
    {
        foreach (var other in config.Members)
        {
            if (!other.ValuesAreKeys) continue;
            foreach (var value in other.Values)
            {
                if (value.Into == member.Name) return true;
            }
        }

        return false;
    }
}
