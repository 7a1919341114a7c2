namespace Plugvisor.Virtio.Devices;

/// <summary>The fixed facts of a virtio device.</summary>
public sealed class VirtioTraits
{
    /// <summary>Device type of virtio 1.2 section 5 (2 is a block device). The PCI device id is 0x1040 + this.</summary>
    public required ushort DeviceType { get; init; }

    /// <summary>
    /// Feature bits that the device offers, device-specific ones and those of the ring that its queues support.
    /// VERSION_1 is added by the host, and so is what belongs to the transport.
    /// </summary>
    public required ulong Features { get; init; }

    /// <summary>The largest size of each queue; each a power of two up to 32,768. Its length is the number of queues.</summary>
    public required IReadOnlyList<ushort> QueueSizes { get; init; }

    /// <summary>Bytes of device config space, at most 4,096.</summary>
    public required int ConfigLength { get; init; }

    /// <summary>PCI base class and subclass (0x0180 is a mass storage controller); 0xffff where no class fits.</summary>
    public ushort PciClass { get; init; } = 0xffff;

    /// <summary>True where firmware may have to reach the device before it can map 64-bit BARs (boot disks).</summary>
    public bool Prefer32BitBar { get; init; }
}
