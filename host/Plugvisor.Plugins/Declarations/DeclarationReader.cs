using System.Text.Json;
using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Declarations;

/// <summary>
/// Reads the manifest's JSON (docs/adr/0004-declaration-in-metadata.md). What a newer generator adds is ignored; the contract version
/// says whether it matters.
/// </summary>
internal static class DeclarationReader
{
    private const int Format = 1;

    public static DeviceDeclaration ReadDevice(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return ReadDevice(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException($"its manifest can not be read: {error.Message}", error);
        }
    }

    public static ObjectDeclaration ReadObject(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return ReadObject(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException($"a declaration can not be read: {error.Message}", error);
        }
    }

    private static DeviceDeclaration ReadDevice(JsonElement json)
    {
        var format = (int)Number(json, "manifest", 0);
        if (format != Format) throw new FormatException($"its manifest has format {format}, this host reads format {Format}");
        var contract = Required(json, "contract");
        var dot = contract.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !int.TryParse(contract.AsSpan(0, dot), out var major) || !int.TryParse(contract.AsSpan(dot + 1), out var minor))
            throw new FormatException($"its manifest states the contract version `{contract}`, which is none");

        var kind = Required(json, "kind");
        var iommu = Flag(json, "iommu");
        return new DeviceDeclaration
        {
            ContractMajor = major,
            ContractMinor = minor,
            Version = Text(json, "version") ?? "",
            Entry = Required(json, "entry"),
            IsReloadable = Flag(json, "reloadable"),
            Kind = kind,
            Section = Required(json, "section"),
            Cardinality = Required(json, "cardinality") switch
            {
                "list" => DeviceCardinality.List,
                "single" => DeviceCardinality.Single,
                "flag" => DeviceCardinality.Flag,
                var other => throw new FormatException($"its manifest has the cardinality `{other}`, which is none"),
            },
            IdPrefix = Text(json, "idPrefix"),
            FixedId = Text(json, "fixedId"),
            Slot = (int)Number(json, "slot", 10_000),
            IsHotPluggable = Flag(json, "hotPluggable"),
            IsRemovable = Flag(json, "removable"),
            SupportsIommu = iommu,
            DefaultDevice = Text(json, "defaultDevice"),
            AbsentWhen = Text(json, "absentWhen"),
            Noun = Text(json, "noun") ?? kind,
            Help = Text(json, "help"),
            Example = Text(json, "example"),
            Config = new ObjectDeclaration { Members = CommonMembers.With(iommu, ReadMembers(json)), Rules = ReadRules(json) },
        };
    }

    private static ObjectDeclaration ReadObject(JsonElement json) => new()
    {
        Members = ReadMembers(json),
        Rules = ReadRules(json),
        RejectsUnknown = Flag(json, "rejectUnknown"),
        ShowsNulls = Flag(json, "showNulls"),
        PresentWhen = Names(json, "presentWhen"),
    };

    private static List<MemberDeclaration> ReadMembers(JsonElement json)
    {
        var list = json.GetProperty("members"u8);
        var members = new List<MemberDeclaration>(list.GetArrayLength() + 4);
        foreach (var member in list.EnumerateArray()) members.Add(ReadMember(member));
        return members;
    }

    private static MemberDeclaration ReadMember(JsonElement json)
    {
        var type = Required(json, "type") switch
        {
            "string" => MemberType.String,
            "toggle" => MemberType.Toggle,
            "integer" => MemberType.Integer,
            "enum" => MemberType.Enum,
            "object" => MemberType.Object,
            "strings" => MemberType.Strings,
            "integers" => MemberType.Integers,
            "tuples" => MemberType.Tuples,
            var other => throw new FormatException($"its manifest has a member of the type `{other}`, which this host does not know"),
        };
        return new MemberDeclaration
        {
            Name = Required(json, "name"),
            Type = type,
            Cli = Text(json, "cli"),
            CliDefault = Text(json, "cliDefault"),
            ValuesAreKeys = Flag(json, "keys"),
            IsRequired = Flag(json, "required"),
            DefaultJson = json.TryGetProperty("default"u8, out var value) ? value.GetRawText() : null,
            Width = Text(json, "width") is { } width ? IntegerWidth.Parse(width) : IntegerWidth.U64,
            Min = Number(json, "min", long.MinValue),
            Max = json.TryGetProperty("max"u8, out var max) ? max.GetUInt64() : ulong.MaxValue,
            RangeError = Text(json, "rangeError"),
            IsByteSize = Flag(json, "bytes"),
            PowerOfTwoMax = (int)Number(json, "powerOfTwo", 0),
            MultipleOf = Number(json, "multipleOf", 0),
            QueuesPerVcpu = (int)Number(json, "queuesPerVcpu", 0),
            MaxLength = (int)Number(json, "maxLength", 0),
            Label = Text(json, "label"),
            IsPath = Flag(json, "path"),
            IsDescriptor = Flag(json, "descriptor"),
            Unit = Text(json, "unit"),
            Help = Text(json, "help"),
            IsHidden = Flag(json, "hidden"),
            Values = ReadValues(json),
            Object = type is MemberType.Object or MemberType.Tuples ? ReadObject(json.GetProperty("object"u8)) : null,
        };
    }

    private static List<ValueDeclaration> ReadValues(JsonElement json)
    {
        if (!json.TryGetProperty("values"u8, out var list)) return [];
        var values = new List<ValueDeclaration>(list.GetArrayLength());
        foreach (var value in list.EnumerateArray())
        {
            values.Add(new ValueDeclaration
            {
                Name = Required(value, "name"), Cli = Text(value, "cli"), Into = Text(value, "into"), Help = Text(value, "help"),
            });
        }

        return values;
    }

    private static List<RuleDeclaration> ReadRules(JsonElement json)
    {
        if (!json.TryGetProperty("rules"u8, out var list)) return [];
        var rules = new List<RuleDeclaration>(list.GetArrayLength());
        foreach (var rule in list.EnumerateArray())
        {
            rules.Add(new RuleDeclaration
            {
                Error = Required(rule, "error"), If = Text(rule, "if"), IfNot = Text(rule, "ifNot"),
                Needs = Names(rule, "needs"), Excludes = Names(rule, "excludes"),
            });
        }

        return rules;
    }

    private static string Required(JsonElement json, string name) =>
        Text(json, name) ?? throw new FormatException($"its manifest lacks `{name}`");

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static bool Flag(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.GetBoolean();

    private static long Number(JsonElement json, string name, long fallback) =>
        json.TryGetProperty(name, out var value) ? value.TryGetInt64(out var number) ? number : throw new FormatException($"its manifest has a wrong `{name}`") : fallback;

    private static string[] Names(JsonElement json, string name) => Text(json, name)?.Split(',') ?? [];
}
