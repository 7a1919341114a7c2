namespace Plugvisor.Plugins.Options;

/// <summary>A key of a device option, for help texts and shell completions.</summary>
public sealed class OptionKey
{
    /// <summary>The key.</summary>
    public required string Name { get; init; }

    /// <summary>What stands after its <c>=</c> (<c>on|off</c>, <c>&lt;path&gt;</c>), or null for a key that stands alone.</summary>
    public string? Value { get; init; }

    /// <summary>Values to complete, where they are few.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The default as it would be typed, or null.</summary>
    public string? Default { get; init; }

    /// <summary>Must be given.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Shells complete paths.</summary>
    public bool IsPath { get; init; }

    /// <summary>Not for help texts.</summary>
    public bool IsHidden { get; init; }

    /// <summary>One line.</summary>
    public string? Help { get; init; }
}
