using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Numa;

/// <summary>How far a NUMA node is from another.</summary>
[ConfigObject]
public sealed partial class NumaDistanceConfig
{
    /// <summary>The other node.</summary>
    [ConfigMember("destination")]
    public required uint Destination { get; init; }

    /// <summary>The distance in the units of ACPI's SLIT, in which 10 is the node itself.</summary>
    [ConfigMember("distance")]
    public required byte Distance { get; init; }
}
