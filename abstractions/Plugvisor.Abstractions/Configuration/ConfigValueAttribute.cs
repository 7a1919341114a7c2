namespace Plugvisor.Abstractions.Configuration;

/// <summary>Spells an enum value of a config. Without it the value is spelled by its C# name in JSON and in lower case on the command line.</summary>
/// <param name="name">The spelling in JSON.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class ConfigValueAttribute(string name) : Attribute
{
    /// <summary>The spelling in JSON.</summary>
    public string Name { get; } = name;

    /// <summary>The spelling on the command line; the JSON spelling in lower case when not given.</summary>
    public string? Cli { get; set; }

    /// <summary>The value can not be chosen on the command line.</summary>
    public bool NoCli { get; set; }

    /// <summary>
    /// With <see cref="ConfigMemberAttribute.ValuesAreKeys"/>: the key takes a value, which goes into the member of this JSON name.
    /// </summary>
    public string? ValueInto { get; set; }

    /// <summary>One line for <c>--help</c>.</summary>
    public string? Help { get; set; }
}
