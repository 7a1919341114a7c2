namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// A rule between members of a config that the host checks without the plugin's code. A member is set when it is present and
/// neither <c>false</c> nor <c>null</c>. Rules that need more are in <see cref="IConfigValidator"/>.
/// </summary>
/// <param name="error">The error text.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class ConfigRuleAttribute(string error) : Attribute
{
    /// <summary>A member of the VM that <see cref="Needs"/> can name: guest RAM that another process can map.</summary>
    public const string SharedMemory = "@shared_memory";

    /// <summary>The error text.</summary>
    public string Error { get; } = error;

    /// <summary>The rule holds only when this member is set, or (<c>member=value</c>) has this value. Null: always.</summary>
    public string? If { get; set; }

    /// <summary>The rule holds only when this member is not set.</summary>
    public string? IfNot { get; set; }

    /// <summary>Names parted by commas, each of which must be set.</summary>
    public string? Needs { get; set; }

    /// <summary>Names parted by commas, none of which may be set. Common members (<c>iommu</c>) can be named.</summary>
    public string? Excludes { get; set; }
}
