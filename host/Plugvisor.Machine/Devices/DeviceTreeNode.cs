using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Devices;

/// <summary>One node of the machine's tree of devices, as <c>vm.info</c> shows it (<c>device_tree</c>). A snapshot.</summary>
/// <param name="Id">The device's id; for the PCI side of a virtio device <c>_virtio-pci-ID</c>.</param>
public sealed record DeviceTreeNode(string Id)
{
    /// <summary>The prefix of the id of a virtio device's PCI side.</summary>
    public const string VirtioTransportPrefix = "_virtio-pci-";

    /// <summary>The node above, or null.</summary>
    public string? Parent { get; init; }

    /// <summary>The nodes below.</summary>
    public IReadOnlyList<string> Children { get; init; } = [];

    /// <summary>Its PCI address (<c>0000:00:01.0</c>), or null when it is on no PCI bus by itself.</summary>
    public string? PciAddress { get; init; }

    /// <summary>The BARs of a PCI function, by index.</summary>
    public IReadOnlyList<PciBarResource> Bars { get; init; } = [];

    /// <summary>Memory of the device in guest-physical space that is no BAR, such as that of a virtio-pmem.</summary>
    public IReadOnlyList<AddressRange> Memory { get; init; } = [];
}
