using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.Pmem;

/// <summary>A persistent memory device, as it stands in VmConfig's <c>pmem</c> and on <c>--pmem</c>.</summary>
[DeviceConfig("pmem", Section = "pmem", IdPrefix = "_pmem", Slot = 700, HotPluggable = true, Removable = true, Noun = "pmem device",
    Help = "Persistent memory backed by a file", Example = "file=/images/data.img,discard_writes=on")]
internal sealed partial class Config
{
    /// <summary>What the guest sees.</summary>
    [ConfigMember("file", IsPath = true, Help = "File or block device to map, or a directory to make an unnamed file in")]
    public required string File { get; init; }

    /// <summary>How much of it.</summary>
    [ConfigMember("size", ByteSize = true, Help = "Bytes to map, a multiple of 2 MiB: by default all; needed for a directory")]
    public ulong? Size { get; init; }

    /// <summary>What the guest writes is lost in the end.</summary>
    [ConfigMember("discard_writes", Help = "Keep what the guest writes in memory, and the file as it is")]
    public bool DiscardWrites { get; init; }
}
