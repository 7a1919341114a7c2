using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Numa;

/// <summary>A NUMA node of the guest: an element of <c>numa</c> in VmConfig.</summary>
[ConfigObject]
public sealed partial class NumaConfig
{
    /// <summary>The node's number.</summary>
    [ConfigMember("guest_numa_id", Help = "Number of the node")]
    public required uint GuestNumaId { get; init; }

    /// <summary>Its vCPUs.</summary>
    [ConfigMember("cpus", Help = "vCPUs of the node")]
    public IReadOnlyList<uint>? Cpus { get; init; }

    /// <summary>How far other nodes are.</summary>
    [ConfigMember("distances", Help = "Distances to other nodes: [node@distance,...]")]
    public IReadOnlyList<NumaDistanceConfig>? Distances { get; init; }

    /// <summary>Ids of its memory zones.</summary>
    [ConfigMember("memory_zones", Help = "Memory zones of the node")]
    public IReadOnlyList<string>? MemoryZones { get; init; }

    /// <summary>Its PCI segments.</summary>
    [ConfigMember("pci_segments", Help = "PCI segments of the node")]
    public IReadOnlyList<ushort>? PciSegments { get; init; }

    /// <summary>The device that makes it a generic initiator, or null.</summary>
    [ConfigMember("device_id", Help = "Device that is the node's generic initiator")]
    public string? DeviceId { get; init; }
}
