using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Memory;

/// <summary>Guest RAM: <c>memory</c> in VmConfig, <c>--memory</c> on the command line.</summary>
[ConfigObject]
public sealed partial class MemoryConfig
{
    /// <summary>Bytes; 0 exactly when there are zones.</summary>
    [ConfigMember("size", CliDefault = "512M", ByteSize = true, Help = "Size of guest RAM")]
    public required ulong Size { get; init; }

    /// <summary>Let the kernel merge equal pages (KSM).</summary>
    [ConfigMember("mergeable", Help = "Let the kernel merge equal pages")]
    public bool Mergeable { get; init; }

    /// <summary>How RAM is added to a running VM.</summary>
    [ConfigMember("hotplug_method", Help = "How RAM is added to a running VM")]
    public HotplugMethod HotplugMethod { get; init; }

    /// <summary>Bytes that can be added to a running VM.</summary>
    [ConfigMember("hotplug_size", ByteSize = true, Help = "How much RAM can be added to the running VM")]
    public ulong? HotplugSize { get; init; }

    /// <summary>Bytes of it that are there from the start.</summary>
    [ConfigMember("hotplugged_size", ByteSize = true, Help = "How much of it is there from the start")]
    public ulong? HotpluggedSize { get; init; }

    /// <summary>Other processes (vhost-user back ends) can map it.</summary>
    [ConfigMember("shared", Help = "Let other processes map it (vhost-user)")]
    public bool Shared { get; init; }

    /// <summary>Back it with reserved huge pages.</summary>
    [ConfigMember("hugepages", Help = "Back it with reserved huge pages")]
    public bool HugePages { get; init; }

    /// <summary>Their size; the host's default size when not given.</summary>
    [ConfigMember("hugepage_size", ByteSize = true, Help = "Size of a huge page (default: the host's)")]
    public ulong? HugePageSize { get; init; }

    /// <summary>Allocate all of it before the guest starts.</summary>
    [ConfigMember("prefault", Help = "Allocate all of it before the guest starts")]
    public bool Prefault { get; init; }

    /// <summary>Have the kernel account for it at start.</summary>
    [ConfigMember("reserve", Help = "Have the kernel account for it at start")]
    public bool Reserve { get; init; }

    /// <summary>Transparent huge pages.</summary>
    [ConfigMember("thp", Help = "Transparent huge pages")]
    public bool TransparentHugePages { get; init; } = true;

    /// <summary>Parts with a backing of their own; then <see cref="Size"/> is 0.</summary>
    [ConfigMember("zones", NoCli = true)]
    public IReadOnlyList<MemoryZoneConfig>? Zones { get; init; }
}
