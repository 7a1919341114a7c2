using System.Text.Json;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>One member of VmConfig that the host itself understands. There is one instance of each: see <see cref="HostSections"/>.</summary>
/// <param name="name">Its name in JSON.</param>
/// <param name="shape">What its value looks like.</param>
/// <param name="standard">What it is when it is not given, as JSON; null when it is then absent.</param>
/// <param name="schema">The declaration of the object, or of a list's elements; null for a toggle.</param>
public sealed class HostSection(string name, HostSectionShape shape, string? standard, Func<ConfigSchema>? schema)
{
    /// <summary>Its name in JSON.</summary>
    public string Name => name;

    /// <summary>What its value looks like.</summary>
    public HostSectionShape Shape => shape;

    /// <summary>
    /// The declaration of the object, or of a list's elements; null for a toggle. Parsed when it is first asked for, because most starts of the VMM
    /// use few of them.
    /// </summary>
    public ConfigSchema? Schema => field ??= schema?.Invoke();

    /// <summary>What it is when it is not given; null when it is then absent.</summary>
    public JsonElement? Default => standard is null ? null : Normalize(JsonElement.Parse(standard));

    /// <summary>The section in the form that VmConfig keeps and <c>vm.info</c> shows.</summary>
    /// <exception cref="Abstractions.Configuration.ConfigException">It does not have the declared shape.</exception>
    public JsonElement Normalize(JsonElement given) => shape switch
    {
        HostSectionShape.Object => Schema!.Normalize(given),
        HostSectionShape.List => ConfigSchema.NormalizeList(given, name, Schema!.Normalize),
        _ => ConfigSchema.NormalizeToggle(given, name),
    };
}
