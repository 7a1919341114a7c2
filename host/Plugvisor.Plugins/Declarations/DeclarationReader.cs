using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Declarations;

/// <summary>
/// Reads the manifest's JSON (docs/adr/0004-declaration-in-metadata.md), in one pass. What a newer generator adds is ignored; the contract version
/// says whether it matters.
/// </summary>
internal static class DeclarationReader
{
    private const long Format = 1;

    public static DeviceDeclaration ReadDevice(ReadOnlySpan<byte> text)
    {
        var json = new JsonScanner(text);
        long format = 0, slot = 10_000;
        string? contract = null, version = null, entry = null, kind = null, section = null, cardinality = null, idPrefix = null, fixedId = null;
        string? defaultDevice = null, absentWhen = null, noun = null, plural = null, help = null, example = null;
        bool reloadable = false, hotPluggable = false, removable = false, iommu = false;
        List<MemberDeclaration>? members = null;
        List<RuleDeclaration> rules = [];
        json.StartObject();
        while (json.NextMember(out var name))
        {
            if (name.SequenceEqual("manifest"u8)) format = CheckFormat(json.Integer());
            else if (name.SequenceEqual("contract"u8)) contract = json.String();
            else if (name.SequenceEqual("version"u8)) version = json.String();
            else if (name.SequenceEqual("entry"u8)) entry = json.String();
            else if (name.SequenceEqual("reloadable"u8)) reloadable = json.Boolean();
            else if (name.SequenceEqual("kind"u8)) kind = json.String();
            else if (name.SequenceEqual("section"u8)) section = json.String();
            else if (name.SequenceEqual("cardinality"u8)) cardinality = json.String();
            else if (name.SequenceEqual("idPrefix"u8)) idPrefix = json.String();
            else if (name.SequenceEqual("fixedId"u8)) fixedId = json.String();
            else if (name.SequenceEqual("slot"u8)) slot = json.Integer();
            else if (name.SequenceEqual("hotPluggable"u8)) hotPluggable = json.Boolean();
            else if (name.SequenceEqual("removable"u8)) removable = json.Boolean();
            else if (name.SequenceEqual("iommu"u8)) iommu = json.Boolean();
            else if (name.SequenceEqual("defaultDevice"u8)) defaultDevice = json.String();
            else if (name.SequenceEqual("absentWhen"u8)) absentWhen = json.String();
            else if (name.SequenceEqual("noun"u8)) noun = json.String();
            else if (name.SequenceEqual("plural"u8)) plural = json.String();
            else if (name.SequenceEqual("help"u8)) help = json.String();
            else if (name.SequenceEqual("example"u8)) example = json.String();
            else if (name.SequenceEqual("members"u8)) members = ReadMembers(ref json);
            else if (name.SequenceEqual("rules"u8)) rules = ReadRules(ref json);
            else json.Skip();
        }

        json.End();
        CheckFormat(format);
        ReadVersion(Required(contract, "contract"), out var major, out var minor);
        return new DeviceDeclaration
        {
            ContractMajor = major,
            ContractMinor = minor,
            Version = version ?? "",
            Entry = Required(entry, "entry"),
            IsReloadable = reloadable,
            Kind = Required(kind, "kind"),
            Section = Required(section, "section"),
            Cardinality = Required(cardinality, "cardinality") switch
            {
                "list" => DeviceCardinality.List,
                "single" => DeviceCardinality.Single,
                "flag" => DeviceCardinality.Flag,
                var other => throw new FormatException($"its manifest has the cardinality `{other}`, which is none"),
            },
            IdPrefix = idPrefix,
            FixedId = fixedId,
            Slot = (int)Math.Clamp(slot, int.MinValue, int.MaxValue),
            IsHotPluggable = hotPluggable,
            IsRemovable = removable,
            SupportsIommu = iommu,
            DefaultDevice = defaultDevice,
            AbsentWhen = absentWhen,
            Noun = noun ?? kind!,
            Plural = plural ?? $"{noun ?? kind}s",
            Help = help,
            Example = example,
            Config = new ObjectDeclaration { Members = CommonMembers.With(iommu, Required(members, "members")), Rules = rules },
        };
    }

    public static ObjectDeclaration ReadObject(ReadOnlySpan<byte> text)
    {
        var json = new JsonScanner(text);
        var declaration = ReadObject(ref json);
        json.End();
        return declaration;
    }

    private static ObjectDeclaration ReadObject(ref JsonScanner json)
    {
        bool rejectUnknown = false, showNulls = false;
        string[] presentWhen = [];
        List<MemberDeclaration>? members = null;
        json.StartObject();
        while (json.NextMember(out var name))
        {
            if (name.SequenceEqual("rejectUnknown"u8)) rejectUnknown = json.Boolean();
            else if (name.SequenceEqual("showNulls"u8)) showNulls = json.Boolean();
            else if (name.SequenceEqual("presentWhen"u8)) presentWhen = json.String().Split(',');
            else if (name.SequenceEqual("members"u8)) members = ReadMembers(ref json);
            else json.Skip();
        }

        return new() { Members = Required(members, "members"), RejectsUnknown = rejectUnknown, ShowsNulls = showNulls, PresentWhen = presentWhen };
    }

    private static List<MemberDeclaration> ReadMembers(ref JsonScanner json)
    {
        var members = new List<MemberDeclaration>();
        json.StartArray();
        while (json.NextElement()) members.Add(ReadMember(ref json));
        return members;
    }

    private static MemberDeclaration ReadMember(ref JsonScanner json)
    {
        string? memberName = null, type = null, cli = null, cliDefault = null, defaultJson = null, rangeError = null, label = null, unit = null, help = null;
        bool keys = false, required = false, bytes = false, path = false, descriptor = false, hidden = false;
        long min = long.MinValue, powerOfTwo = 0, multipleOf = 0, queuesPerVcpu = 0, maxLength = 0;
        var max = ulong.MaxValue;
        var width = IntegerWidth.U64;
        List<ValueDeclaration> values = [];
        ObjectDeclaration? inner = null;
        json.StartObject();
        while (json.NextMember(out var name))
        {
            if (name.SequenceEqual("name"u8)) memberName = json.String();
            else if (name.SequenceEqual("type"u8)) type = json.String();
            else if (name.SequenceEqual("cli"u8)) cli = json.String();
            else if (name.SequenceEqual("cliDefault"u8)) cliDefault = json.String();
            else if (name.SequenceEqual("keys"u8)) keys = json.Boolean();
            else if (name.SequenceEqual("required"u8)) required = json.Boolean();
            else if (name.SequenceEqual("default"u8)) defaultJson = json.Raw();
            else if (name.SequenceEqual("width"u8)) width = IntegerWidth.Parse(json.String());
            else if (name.SequenceEqual("min"u8)) min = json.Integer();
            else if (name.SequenceEqual("max"u8)) max = json.Unsigned();
            else if (name.SequenceEqual("rangeError"u8)) rangeError = json.String();
            else if (name.SequenceEqual("bytes"u8)) bytes = json.Boolean();
            else if (name.SequenceEqual("powerOfTwo"u8)) powerOfTwo = json.Integer();
            else if (name.SequenceEqual("multipleOf"u8)) multipleOf = json.Integer();
            else if (name.SequenceEqual("queuesPerVcpu"u8)) queuesPerVcpu = json.Integer();
            else if (name.SequenceEqual("maxLength"u8)) maxLength = json.Integer();
            else if (name.SequenceEqual("label"u8)) label = json.String();
            else if (name.SequenceEqual("path"u8)) path = json.Boolean();
            else if (name.SequenceEqual("descriptor"u8)) descriptor = json.Boolean();
            else if (name.SequenceEqual("unit"u8)) unit = json.String();
            else if (name.SequenceEqual("help"u8)) help = json.String();
            else if (name.SequenceEqual("hidden"u8)) hidden = json.Boolean();
            else if (name.SequenceEqual("values"u8)) values = ReadValues(ref json);
            else if (name.SequenceEqual("object"u8)) inner = ReadObject(ref json);
            else json.Skip();
        }

        var kind = ReadType(Required(type, "type"));
        return new MemberDeclaration
        {
            Name = Required(memberName, "name"),
            Type = kind,
            Cli = cli,
            CliDefault = cliDefault,
            ValuesAreKeys = keys,
            IsRequired = required,
            DefaultJson = defaultJson,
            Width = width,
            Min = min,
            Max = max,
            RangeError = rangeError,
            IsByteSize = bytes,
            PowerOfTwoMax = (int)Math.Clamp(powerOfTwo, 0, int.MaxValue),
            MultipleOf = Math.Max(multipleOf, 0),
            QueuesPerVcpu = (int)Math.Clamp(queuesPerVcpu, 0, int.MaxValue),
            MaxLength = (int)Math.Clamp(maxLength, 0, int.MaxValue),
            Label = label,
            IsPath = path,
            IsDescriptor = descriptor,
            Unit = unit,
            Help = help,
            IsHidden = hidden,
            Values = values,
            Object = kind is MemberType.Object or MemberType.Tuples ? Required(inner, "object") : null,
        };
    }

    private static List<ValueDeclaration> ReadValues(ref JsonScanner json)
    {
        var values = new List<ValueDeclaration>();
        json.StartArray();
        while (json.NextElement())
        {
            string? valueName = null, cli = null, into = null, help = null;
            json.StartObject();
            while (json.NextMember(out var name))
            {
                if (name.SequenceEqual("name"u8)) valueName = json.String();
                else if (name.SequenceEqual("cli"u8)) cli = json.String();
                else if (name.SequenceEqual("into"u8)) into = json.String();
                else if (name.SequenceEqual("help"u8)) help = json.String();
                else json.Skip();
            }

            values.Add(new ValueDeclaration { Name = Required(valueName, "name"), Cli = cli, Into = into, Help = help });
        }

        return values;
    }

    private static List<RuleDeclaration> ReadRules(ref JsonScanner json)
    {
        var rules = new List<RuleDeclaration>();
        json.StartArray();
        while (json.NextElement())
        {
            string? error = null, when = null, unless = null;
            string[] needs = [], excludes = [];
            json.StartObject();
            while (json.NextMember(out var name))
            {
                if (name.SequenceEqual("error"u8)) error = json.String();
                else if (name.SequenceEqual("if"u8)) when = json.String();
                else if (name.SequenceEqual("ifNot"u8)) unless = json.String();
                else if (name.SequenceEqual("needs"u8)) needs = json.String().Split(',');
                else if (name.SequenceEqual("excludes"u8)) excludes = json.String().Split(',');
                else json.Skip();
            }

            rules.Add(new RuleDeclaration { Error = Required(error, "error"), If = when, IfNot = unless, Needs = needs, Excludes = excludes });
        }

        return rules;
    }

    private static MemberType ReadType(string type) => type switch
    {
        "string" => MemberType.String,
        "toggle" => MemberType.Toggle,
        "integer" => MemberType.Integer,
        "enum" => MemberType.Enum,
        "object" => MemberType.Object,
        "strings" => MemberType.Strings,
        "integers" => MemberType.Integers,
        "tuples" => MemberType.Tuples,
        _ => throw new FormatException($"its manifest has a member of the type `{type}`, which this host does not know"),
    };

    /// <summary><c>MAJOR.MINOR</c>.</summary>
    private static void ReadVersion(string contract, out int major, out int minor)
    {
        major = minor = 0;
        var dot = -1;
        for (var i = 0; i < contract.Length; i++)
        {
            if (contract[i] == '.' && dot < 0) dot = i;
            else if (!char.IsAsciiDigit(contract[i]) || contract.Length > 10) dot = contract.Length;
            else if (dot < 0) major = (major * 10) + (contract[i] - '0');
            else minor = (minor * 10) + (contract[i] - '0');
        }

        if (dot <= 0 || dot >= contract.Length - 1) throw new FormatException($"its manifest states the contract version `{contract}`, which is none");
    }

    private static long CheckFormat(long format) =>
        format == Format ? format : throw new FormatException($"its manifest has format {format}, this host reads format {Format}");

    private static T Required<T>(T? value, string name) where T : class => value ?? throw new FormatException($"its manifest lacks `{name}`");
}
