namespace Plugvisor.Abstractions.Pci;

/// <summary>The fixed facts of a PCI device. The host makes its configuration space from them.</summary>
public sealed class PciTraits
{
    /// <summary>Vendor id; 0xffff means that nobody is there and is not possible.</summary>
    public required ushort VendorId { get; init; }

    /// <summary>Device id.</summary>
    public required ushort DeviceId { get; init; }

    /// <summary>Base class, subclass and programming interface as 0xBBSSPP (0x088000 is a system peripheral of no special kind).</summary>
    public required uint ClassCode { get; init; }

    /// <summary>Revision id.</summary>
    public byte Revision { get; init; }

    /// <summary>Subsystem vendor id.</summary>
    public ushort SubsystemVendorId { get; init; }

    /// <summary>Subsystem id.</summary>
    public ushort SubsystemId { get; init; }

    /// <summary>The BARs. The host places, sizes and moves them.</summary>
    public IReadOnlyList<PciBarTraits> Bars { get; init; } = [];

    /// <summary>MSI-X interrupts, or null for none.</summary>
    public PciMsixTraits? Msix { get; init; }

    /// <summary>Capabilities besides those that the host adds (MSI-X, reset).</summary>
    public IReadOnlyList<PciCapability> Capabilities { get; init; } = [];

    /// <summary>Configuration registers that the device answers itself, through <see cref="IPciConfigSpace"/>.</summary>
    public IReadOnlyList<PciConfigRange> OwnedConfig { get; init; } = [];
}
