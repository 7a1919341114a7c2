using Plugvisor.Abstractions.Configuration;

namespace MyDevice;

/// <summary>The device as it stands in VmConfig and on <c>--device-kind</c>. Option, help, schema and REST endpoint follow from this class.</summary>
[DeviceConfig("device-kind", HotPluggable = true, Removable = true, Help = "A device that sends back what it gets", Example = "limit=4K")]
internal sealed partial class Config
{
    /// <summary>The most bytes that one request is answered with.</summary>
    [ConfigMember("limit", ByteSize = true, Min = 1, Max = 1 << 20, Help = "Most bytes of an answer")]
    public int Limit { get; init; } = 4096;
}
