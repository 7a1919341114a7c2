using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Plugins.Schemas;

/// <summary>
/// What front ends do with a declared config object: take it from the command line or as JSON, check it, describe its keys. Also for the
/// host's own sections: <c>new ConfigSchema("cpus", ObjectDeclaration.Parse(CpusConfig.SchemaJson))</c>. Any thread.
/// </summary>
/// <param name="option">Name of the option without dashes, for error texts.</param>
/// <param name="declaration">What was declared.</param>
public sealed class ConfigSchema(string option, ObjectDeclaration declaration)
{
    private OptionBinder? _binder;
    private List<OptionKey>? _keys;

    /// <summary>What was declared.</summary>
    public ObjectDeclaration Declaration { get; } = declaration;

    /// <summary>The keys of the option's value, in the order of the declaration.</summary>
    public IReadOnlyList<OptionKey> Keys => _keys ??= OptionKeys.List(Declaration);

    /// <summary>The config that an option's value stands for, complete with defaults.</summary>
    /// <exception cref="OptionException">The value can not be taken. Its messages are the error chain, outermost first.</exception>
    public JsonElement FromOption(string text)
    {
        _binder ??= new OptionBinder(option, Declaration);
        return Normalize(_binder.Bind(text));
    }

    /// <summary>
    /// A config in the form that VmConfig keeps and <c>vm.info</c> shows: declared members in their order, defaults filled in, unknown members
    /// dropped (or refused, where the object says so). Types are checked, meaning is not.
    /// </summary>
    /// <exception cref="ConfigException">A member is missing, unknown or of a wrong type.</exception>
    public JsonElement Normalize(JsonElement given) => ConfigNormalizer.Normalize(Declaration, given, option);

    /// <summary>A list of objects in normal form.</summary>
    /// <param name="given">The list.</param>
    /// <param name="name">Its member name, for error texts.</param>
    /// <param name="normalize">Brings an element into normal form.</param>
    /// <exception cref="ConfigException">It is no list, or an element does not have its shape.</exception>
    public static JsonElement NormalizeList(JsonElement given, string name, Func<JsonElement, JsonElement> normalize)
    {
        ConfigReader.RequireArray(given, name);
        var writer = new JsonBuffer();
        writer.StartArray();
        foreach (JsonElement item in given.EnumerateArray()) writer.Raw(normalize(item).GetRawText());
        writer.EndArray();
        return JsonElement.Parse(writer.Written);
    }

    /// <summary>A boolean, as it is.</summary>
    /// <exception cref="ConfigException">It is none.</exception>
    public static JsonElement NormalizeToggle(JsonElement given, string name)
    {
        _ = ConfigReader.ReadToggle(given, name);
        return given.Clone();
    }

    /// <summary>A normalized config with a string member filled in or replaced, in its declared place.</summary>
    public JsonElement With(JsonElement config, string member, string value) => Copy(config, member, value, isJson: false);

    /// <summary>A normalized config with a member of another type set.</summary>
    /// <param name="config">The config.</param>
    /// <param name="member">The member.</param>
    /// <param name="json">Its value, as JSON.</param>
    public JsonElement WithRaw(JsonElement config, string member, string json) => Copy(config, member, json, isJson: true);

    /// <summary>A normalized config without a member.</summary>
    public JsonElement Without(JsonElement config, string member) => Copy(config, member, null, isJson: false);

    private JsonElement Copy(JsonElement config, string replaced, string? value, bool isJson)
    {
        var writer = new JsonBuffer();
        writer.StartObject();
        foreach (MemberDeclaration member in Declaration.Members)
        {
            bool isReplaced = member.Name == replaced;
            if (isReplaced && value is not null)
            {
                writer.Name(member.Name);
                if (isJson) writer.Raw(value);
                else writer.String(value);
            }
            else if (!isReplaced && config.TryGetProperty(member.Name, out JsonElement kept))
            {
                writer.Name(member.Name);
                writer.Raw(kept.GetRawText());
            }
        }

        writer.EndObject();
        return JsonElement.Parse(writer.Written);
    }

    /// <summary>Checks a normalized config against declared limits and rules: the first error's text, or null.</summary>
    public string? Check(JsonElement config, ConfigContext context) => ConfigChecker.Check(Declaration, config, context);

    /// <summary>Writes a line for each key that is not hidden: its form, what it means, its default.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="indent">Spaces before each line.</param>
    public void WriteHelp(TextWriter output, int indent)
    {
        const int Column = 34;
        foreach (var key in Keys)
        {
            if (key.IsHidden) continue;
            var form = new string(' ', indent) + (key.Value is null ? key.Name : $"{key.Name}={key.Value}");
            var notes = key.IsRequired ? " (required)" : key.Default is { Length: > 0 } value ? $" (default: {value})" : "";
            var text = key.Help + notes;
            if (text.Length == 0) output.WriteLine(form);
            else if (form.Length < Column) output.WriteLine(form.PadRight(Column) + text);
            else
            {
                output.WriteLine(form);
                output.WriteLine(new string(' ', Column) + text);
            }
        }
    }
}
