using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Memory;

/// <summary>A part of guest RAM with a backing of its own: an element of <c>memory.zones</c>.</summary>
[ConfigObject]
public sealed partial class MemoryZoneConfig
{
    /// <summary>Its name, unique among all ids.</summary>
    [ConfigMember("id", Help = "Name of the zone")]
    public required string Id { get; init; }

    /// <summary>Bytes.</summary>
    [ConfigMember("size", ByteSize = true, Help = "Size of the zone")]
    public required ulong Size { get; init; }

    /// <summary>The file that backs it, or null.</summary>
    [ConfigMember("file", IsPath = true, Help = "File that backs it")]
    public string? File { get; init; }

    /// <summary>Other processes can map it.</summary>
    [ConfigMember("shared", Help = "Let other processes map it (vhost-user)")]
    public bool Shared { get; init; }

    /// <summary>Backed by huge pages.</summary>
    [ConfigMember("hugepages", Help = "Back it with reserved huge pages")]
    public bool HugePages { get; init; }

    /// <summary>Bytes of a huge page, or null for the host's.</summary>
    [ConfigMember("hugepage_size", ByteSize = true, Help = "Size of a huge page (default: the host's)")]
    public ulong? HugePageSize { get; init; }

    /// <summary>The host's NUMA node, or null.</summary>
    [ConfigMember("host_numa_node", Help = "NUMA node of the host to take it from")]
    public uint? HostNumaNode { get; init; }

    /// <summary>Bytes that can be added, or null.</summary>
    [ConfigMember("hotplug_size", ByteSize = true, Help = "How much RAM can be added to it")]
    public ulong? HotplugSize { get; init; }

    /// <summary>Bytes of that which are there from the start, or null.</summary>
    [ConfigMember("hotplugged_size", ByteSize = true, Help = "How much of that is there from the start")]
    public ulong? HotpluggedSize { get; init; }

    /// <summary>All of it is allocated at start.</summary>
    [ConfigMember("prefault", Help = "Allocate all of it before the guest starts")]
    public bool Prefault { get; init; }

    /// <summary>The kernel accounts for it at start.</summary>
    [ConfigMember("reserve", Help = "Have the kernel account for it at start")]
    public bool Reserve { get; init; }

    /// <summary>The kernel may merge equal pages.</summary>
    [ConfigMember("mergeable", Help = "Let the kernel merge equal pages")]
    public bool Mergeable { get; init; }
}
