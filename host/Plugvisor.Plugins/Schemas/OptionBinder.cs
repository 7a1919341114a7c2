using System.Text.Json;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Plugins.Schemas;

/// <summary>Turns a command-line value into the JSON of what was given; defaults are filled in afterwards.</summary>
internal sealed class OptionBinder
{
    private readonly string _option;
    private readonly ObjectDeclaration _config;
    private readonly OptionGrammar _grammar = new();

    public OptionBinder(string option, ObjectDeclaration config)
    {
        _option = option;
        _config = config;
        Register(config, "");
    }

    public JsonElement Bind(string text)
    {
        try
        {
            var values = _grammar.Parse(text);
            var writer = new JsonBuffer();
            WriteObject(writer, _config, "", values);
            return JsonElement.Parse(writer.Written);
        }
        catch (OptionException error) when (!error.IsWhole)
        {
            throw new OptionException($"Error parsing --{_option}", error);
        }
    }

    private void Register(ObjectDeclaration config, string prefix)
    {
        foreach (var member in config.Members)
        {
            if (member.Cli is null) continue;
            if (member.Type == MemberType.Object) Register(member.Object!, prefix + member.Cli);
            else if (!member.ValuesAreKeys) _grammar.Keys(prefix + member.Cli);
            else
            {
                foreach (var value in member.Values)
                {
                    if (value.Cli is null) continue;
                    if (value.Into is null) _grammar.Valueless(prefix + value.Cli);
                    else _grammar.Keys(prefix + value.Cli);
                }
            }
        }
    }

    private void WriteObject(JsonBuffer writer, ObjectDeclaration config, string prefix, OptionValues values)
    {
        writer.StartObject();
        var chosen = FindChosen(config, prefix, values);
        foreach (var member in config.Members)
        {
            if (member.ValuesAreKeys && member.Cli is not null) WriteChoice(writer, member, chosen);
            else if (chosen is not null && member.Name == chosen.Into) WriteValue(writer, member, prefix + chosen.Cli, values);
            else if (IsTarget(config, member)) continue;
            else if (member.Cli is null) continue;
            else if (member.Type == MemberType.Object) WriteNested(writer, member, prefix + member.Cli, values);
            else WriteValue(writer, member, prefix + member.Cli, values);
        }

        writer.EndObject();
    }

    private void WriteValue(JsonBuffer writer, MemberDeclaration member, string key, OptionValues values)
    {
        var raw = values.Raw(key) ?? member.CliDefault;
        if (raw is null)
        {
            if (member.IsRequired) throw Missing($"{key} missing");
            return;
        }

        writer.Name(member.Name);
        if (!OptionValueWriter.TryWrite(writer, member, raw)) throw OptionValues.Unreadable(key, raw);
    }

    private void WriteNested(JsonBuffer writer, MemberDeclaration member, string prefix, OptionValues values)
    {
        var nested = member.Object!;
        if (!member.IsRequired && !IsGiven(nested, prefix, values))
        {
            // What is not needed must still be readable.
            CheckReadable(nested, prefix, values);
            return;
        }

        writer.Name(member.Name);
        WriteObject(writer, nested, prefix, values);
    }

    private static bool IsGiven(ObjectDeclaration config, string prefix, OptionValues values)
    {
        if (config.PresentWhen.Count > 0)
        {
            foreach (var name in config.PresentWhen)
            {
                if (values.Text(prefix + (config.Find(name)?.Cli ?? name)) is not { } text || text.Trim('0').Length == 0) return false;
            }

            return true;
        }

        foreach (var member in config.Members)
        {
            if (member.Cli is null) continue;
            if (member.Type == MemberType.Object ? IsGiven(member.Object!, prefix + member.Cli, values) : values.Raw(prefix + member.Cli) is not null)
                return true;
        }

        return false;
    }

    private static void CheckReadable(ObjectDeclaration config, string prefix, OptionValues values)
    {
        foreach (var member in config.Members)
        {
            if (member.Cli is null) continue;
            if (member.Type == MemberType.Object) CheckReadable(member.Object!, prefix + member.Cli, values);
            else if (values.Raw(prefix + member.Cli) is { } raw && !OptionValueWriter.TryWrite(new JsonBuffer(), member, raw)) throw OptionValues.Unreadable(prefix + member.Cli, raw);
        }
    }

    private static ValueDeclaration? FindChosen(ObjectDeclaration config, string prefix, OptionValues values)
    {
        foreach (var member in config.Members)
        {
            if (!member.ValuesAreKeys) continue;
            foreach (var value in member.Values)
            {
                if (value.Cli is not null && values.IsSet(prefix + value.Cli)) return value;
            }
        }

        return null;
    }

    private void WriteChoice(JsonBuffer writer, MemberDeclaration member, ValueDeclaration? chosen)
    {
        if ((chosen?.Name ?? member.CliDefault) is { } name)
        {
            writer.Name(member.Name);
            writer.String(name);
            return;
        }

        throw Missing($"invalid {_option} {member.Name} given, expected one of {string.Join(", ", KeysOf(member))}");
    }

    /// <summary>What is missing is said in one line: there is no cause below it.</summary>
    private OptionException Missing(string what) => new($"Error parsing --{_option}: {what}") { IsWhole = true };

    private static IEnumerable<string> KeysOf(MemberDeclaration member)
    {
        foreach (var value in member.Values)
        {
            if (value.Cli is not null) yield return value.Into is null ? value.Cli : value.Cli + "=<value>";
        }
    }

    /// <summary>Whether a value's key fills the member, which then has no say of its own.</summary>
    private static bool IsTarget(ObjectDeclaration config, MemberDeclaration member)
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
