namespace Plugvisor.Generators;

/// <summary>Writes the declaration's JSON. Its format is described in docs/adr/0004-declaration-in-metadata.md.</summary>
internal static class ManifestWriter
{
    /// <summary>A config object: what holds for the whole, and its members.</summary>
    public static string WriteObject(ConfigShape shape)
    {
        if (shape.Schema is not null) return shape.Schema;
        var json = new JsonText();
        json.Open('{');
        json.Add("rejectUnknown", shape.RejectUnknown);
        json.Add("showNulls", shape.ShowNulls);
        json.Add("presentWhen", shape.PresentWhen);
        WriteMembers(json, shape);
        return json.Close('}').ToString();
    }

    /// <summary>The members array, with its name.</summary>
    public static void WriteMembers(JsonText json, ConfigShape shape)
    {
        json.Name("members").Open('[');
        foreach (var member in shape.Members) WriteMember(json, member);
        json.Close(']');
    }

    private static void WriteMember(JsonText json, Member member)
    {
        json.Open('{');
        json.Add("name", member.Name);
        json.Add("type", member.Kind.ToString().ToLowerInvariant());
        json.Add("cli", member.Cli);
        json.Add("cliDefault", member.CliDefault);
        json.Add("keys", member.ValuesAreKeys);
        json.Add("required", member.Required);
        if (member.Default is not null) json.Name("default").Raw(member.Default);
        if (member.Kind is MemberKind.Integer or MemberKind.Integers)
        {
            json.Add("width", member.Width);
            if (member.Min != member.TypeMin) json.Add("min", member.Min);
            if (member.Max != member.TypeMax) json.Add("max", member.Max);
            json.Add("rangeError", member.RangeError);
            json.Add("bytes", member.ByteSize);
            if (member.PowerOfTwo) json.Add("powerOfTwo", member.PowerOfTwoMax);
            if (member.MultipleOf != 0) json.Add("multipleOf", member.MultipleOf);
            if (member.QueuesPerVcpu != 0) json.Add("queuesPerVcpu", member.QueuesPerVcpu);
        }

        if (member.MaxLength != 0) json.Add("maxLength", member.MaxLength);
        json.Add("label", member.Label);
        json.Add("path", member.IsPath);
        json.Add("descriptor", member.IsDescriptor);
        json.Add("unit", member.Unit);
        json.Add("help", member.Help);
        json.Add("hidden", member.Hidden);
        if (member.Values.Count > 0) WriteValues(json, member);
        if (member.Object is not null) json.Name("object").Raw(WriteObject(member.Object));
        json.Close('}');
    }

    private static void WriteValues(JsonText json, Member member)
    {
        json.Name("values").Open('[');
        foreach (var value in member.Values)
        {
            json.Open('{');
            json.Add("name", value.Name);
            json.Add("cli", value.Cli);
            json.Add("into", value.Into);
            json.Add("help", value.Help);
            json.Close('}');
        }

        json.Close(']');
    }
}
