using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Pci;

/// <summary>How much of the device windows a PCI segment gets: an element of <c>pci_segments</c> in VmConfig.</summary>
[ConfigObject]
public sealed partial class PciSegmentConfig
{
    /// <summary>The segment's number.</summary>
    [ConfigMember("pci_segment", Help = "Number of the segment")]
    public ushort PciSegment { get; init; }

    /// <summary>Its share of the window below 4 GiB.</summary>
    [ConfigMember("mmio32_aperture_weight", Min = 1, RangeError = "Invalid PCI segment aperture weight: {0}", Help = "Share of the 32-bit window")]
    public uint Mmio32ApertureWeight { get; init; } = 1;

    /// <summary>Its share of the window above RAM.</summary>
    [ConfigMember("mmio64_aperture_weight", Min = 1, RangeError = "Invalid PCI segment aperture weight: {0}", Help = "Share of the 64-bit window")]
    public uint Mmio64ApertureWeight { get; init; } = 1;
}
