namespace Plugvisor.Plugins.Declarations;

/// <summary>A rule between members; see <see cref="Plugvisor.Abstractions.Configuration.ConfigRuleAttribute"/>.</summary>
public sealed class RuleDeclaration
{
    /// <summary>The error text.</summary>
    public required string Error { get; init; }

    /// <summary>The rule holds only when this member is set, or has a value (<c>member=value</c>).</summary>
    public string? If { get; init; }

    /// <summary>The rule holds only when this member is not set.</summary>
    public string? IfNot { get; init; }

    /// <summary>Members that must be set.</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>Members that must not be set.</summary>
    public IReadOnlyList<string> Excludes { get; init; } = [];
}
