using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace Plugvisor.Generators;

/// <summary>Reads what a config class declares of its device kind, and writes it as the middle part of the manifest.</summary>
internal sealed class KindReader(INamedTypeSymbol type, Settings settings, ConfigShape shape, List<DiagnosticInfo> problems)
{
    /// <summary>The manifest from <c>kind</c> to its end, without the outer brackets.</summary>
    public string Write()
    {
        var kind = settings.First;
        var words = kind.Replace('-', '_');
        var section = settings.Text("Section") ?? words;
        var prefix = settings.Text("IdPrefix");
        var fixedId = settings.Text("FixedId");
        var cardinality = settings.Number("Cardinality", 0);
        Check(kind, section, prefix, fixedId, cardinality);

        var json = new JsonText();
        json.Add("kind", kind);
        json.Add("section", section);
        json.Add("cardinality", cardinality switch { 1 => "single", 2 => "flag", _ => "list" });
        json.Add("idPrefix", fixedId is null ? prefix ?? "_" + words : null);
        json.Add("fixedId", fixedId);
        json.Add("slot", settings.Number("Slot", 10_000));
        json.Add("hotPluggable", settings.Flag("HotPluggable"));
        json.Add("removable", settings.Flag("Removable"));
        json.Add("iommu", settings.Flag("Iommu", true));
        json.Add("defaultDevice", settings.Text("DefaultDevice"));
        json.Add("absentWhen", settings.Text("AbsentWhen"));
        json.Add("noun", settings.Text("Noun"));
        json.Add("plural", settings.Text("Plural"));
        json.Add("help", settings.Text("Help"));
        json.Add("example", settings.Text("Example"));
        ManifestWriter.WriteMembers(json, shape);
        WriteRules(json);
        return json.ToString();
    }

    private void WriteRules(JsonText json)
    {
        var open = false;
        foreach (var attribute in type.GetAttributes())
        {
            if (attribute.AttributeClass?.ToDisplayString() != Names.ConfigRule) continue;
            var rule = new Settings(attribute);
            if (!open) json.Name("rules").Open('[');
            open = true;
            if (rule.Text("Needs") is null == rule.Text("Excludes") is null)
                Report(Diagnostics.Setting, $"The rule '{rule.First}' must have either Needs or Excludes");
            foreach (var setting in (string[])["If", "IfNot", "Needs", "Excludes"])
            {
                foreach (var name in ShapeReader.Split(rule.Text(setting)))
                    RequireName(setting == "If" ? name.Split('=')[0] : name, setting, setting == "Needs");
            }

            json.Open('{');
            json.Add("error", rule.First);
            json.Add("if", rule.Text("If"));
            json.Add("ifNot", rule.Text("IfNot"));
            json.Add("needs", rule.Text("Needs"));
            json.Add("excludes", rule.Text("Excludes"));
            json.Close('}');
        }

        if (open) json.Close(']');
    }

    private void Check(string kind, string section, string? prefix, string? fixedId, long cardinality)
    {
        if (!Names.IsWords(kind, '-')) Report(Diagnostics.Name, $"The kind '{kind}' must be words joined by '-', each of lower-case letters and digits that begin with a letter");
        if (settings.Has("Section") && !Names.IsWords(section, '_')) Report(Diagnostics.Name, $"The section '{section}' must be words joined by '_', each of lower-case letters and digits that begin with a letter");
        foreach (var id in (string?[])[prefix, fixedId])
        {
            if (id is not null && !id.StartsWith("_", System.StringComparison.Ordinal))
                Report(Diagnostics.Name, $"'{id}' must start with '_': other ids belong to the user");
        }

        if (prefix is not null && fixedId is not null) Report(Diagnostics.Setting, "A kind has either IdPrefix or FixedId");
        if (fixedId is not null && cardinality == 0) Report(Diagnostics.Setting, "FixedId is for kinds of which there is one: set Cardinality");
        if (cardinality == 2 && shape.Members.Count > 0) Report(Diagnostics.Setting, $"'{type.Name}' is a flag, so it can not have members");
        if (settings.Text("DefaultDevice") is not null && cardinality != 1) Report(Diagnostics.Setting, "DefaultDevice is for Cardinality Single");
        if (settings.Text("AbsentWhen") is { } absent) RequireName(absent.Split('=')[0], "AbsentWhen", false);

        var keys = new Dictionary<string, string>();
        var shared = new HashSet<string>();
        foreach (var common in Names.Common) keys[common] = "the host";
        foreach (var member in shape.Members)
        {
            if (System.Array.IndexOf(Names.Common, member.Name) >= 0)
                Report(Diagnostics.Duplicate, $"'{member.Name}' is a member that the host adds to every device", member.Symbol);
            else
                AddKeys(keys, shared, member, "");
        }
    }

    private void AddKeys(Dictionary<string, string> keys, HashSet<string> shared, Member member, string prefix)
    {
        if (member.Cli is null) return;
        if (member.Kind == MemberKind.Object)
        {
            foreach (var inner in member.Object!.Members) AddKeys(keys, shared, inner, prefix + member.Cli);
            return;
        }

        if (!member.ValuesAreKeys)
        {
            AddKey(prefix + member.Cli, member.Property);
            return;
        }

        foreach (var value in member.Values)
        {
            // The key of a value that goes into another member is that member's key, which may have declared it as well.
            if (value.Cli is null) continue;
            var target = value.Into is null ? null : shape.Members.Find(candidate => candidate.Name == value.Into);
            if (target is not null) shared.Add(prefix + value.Cli);
            AddKey(prefix + value.Cli, (target ?? member).Property);
        }

        void AddKey(string key, string property)
        {
            if (keys.TryGetValue(key, out var owner) && owner == property && shared.Contains(key)) return;
            if (owner is not null)
                Report(Diagnostics.Duplicate, $"The command-line key '{key}' of '{property}' is taken by {(owner == "the host" ? owner : $"'{owner}'")}", member.Symbol);
            else
                keys[key] = property;
        }
    }

    private void RequireName(string name, string setting, bool orFact)
    {
        if (shape.Members.Exists(member => member.Name == name) || System.Array.IndexOf(Names.Common, name) >= 0) return;
        if (orFact && name == Names.SharedMemory) return;
        Report(Diagnostics.Reference, $"{setting} names '{name}', which is no member of '{type.Name}'");
    }

    private void Report(DiagnosticDescriptor descriptor, string message, ISymbol? at = null) =>
        problems.Add(DiagnosticInfo.At(descriptor, at ?? type, message));
}
