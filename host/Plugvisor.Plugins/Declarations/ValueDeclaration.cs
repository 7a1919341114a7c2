namespace Plugvisor.Plugins.Declarations;

/// <summary>One value of an enum member.</summary>
public sealed class ValueDeclaration
{
    /// <summary>Spelling in JSON.</summary>
    public required string Name { get; init; }

    /// <summary>Spelling on the command line, or null where it can not be chosen there.</summary>
    public string? Cli { get; init; }

    /// <summary>The JSON name of the member that takes the value of this key (<c>file=P</c>), or null.</summary>
    public string? Into { get; init; }

    /// <summary>One line for help texts.</summary>
    public string? Help { get; init; }
}
