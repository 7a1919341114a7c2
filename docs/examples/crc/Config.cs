using Plugvisor.Abstractions.Configuration;

namespace Examples.Crc;

/// <summary>The device as it stands in VmConfig's <c>crcs</c> and on <c>--crc</c>.</summary>
[DeviceConfig("crc", Section = "crcs", IdPrefix = "_crc", HotPluggable = true, Removable = true, Noun = "checksum device",
    Help = "Computes CRC-32C checksums for the guest", Example = "queue_size=128")]
internal sealed partial class Config
{
    /// <summary>Entries of each of the two queues.</summary>
    [ConfigMember("queue_size", PowerOfTwo = true, PowerOfTwoMax = 1024, Min = 4, Help = "Entries of each queue")]
    public int QueueSize { get; init; } = 64;
}
