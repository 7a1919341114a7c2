using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Ivshmem;

/// <summary>The shared memory device, as it stands in VmConfig's <c>ivshmem</c> and on <c>--ivshmem</c>.</summary>
[DeviceConfig("ivshmem", Cardinality = DeviceCardinality.Single, FixedId = "__ivshmem", Slot = 1900, Iommu = false, Noun = "ivshmem device",
    Help = "Memory shared with other guests or programs of the host", Example = "path=/dev/shm/shared,size=16M")]
internal sealed partial class Config
{
    /// <summary>The file that holds the memory.</summary>
    [ConfigMember("path", IsPath = true, Help = "File that holds the memory")]
    public required string Path { get; init; }

    /// <summary>How much of it.</summary>
    [ConfigMember("size", ByteSize = true, CliDefault = "128M", Help = "Bytes to share, a power of two; not more than the file has")]
    public required ulong Size { get; init; }
}
