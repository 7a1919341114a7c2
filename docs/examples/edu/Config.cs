using Plugvisor.Abstractions.Configuration;

namespace Examples.Edu;

/// <summary>The device as it stands in VmConfig's <c>edus</c> and on <c>--edu</c>.</summary>
[DeviceConfig("edu", Section = "edus", IdPrefix = "_edu", HotPluggable = true, Removable = true, Iommu = false,
    Noun = "edu device", Help = "A PCI device to learn from", Example = "id=teacher")]
internal sealed partial class Config
{
    /// <summary>What the identification register says in its upper half.</summary>
    [ConfigMember("version", Min = 0, Max = 0xffff, Help = "Version that the identification register shows")]
    public int Version { get; init; } = 0x0100;
}
