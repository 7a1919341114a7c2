namespace Plugvisor.Virtio.Devices;

/// <summary>
/// Feature bits that belong to no device type, as bit numbers with the names of virtio 1.2 section 6.
/// Device-specific bits are with their device.
/// </summary>
public static class VirtioFeatures
{
    /// <summary>Section 2.7.5.3: a descriptor may refer to a table of descriptors.</summary>
    public const int VIRTIO_F_INDIRECT_DESC = 28;

    /// <summary>Section 2.7.7 and 2.7.10: used_event and avail_event replace the flags that suppress notifications.</summary>
    public const int VIRTIO_F_EVENT_IDX = 29;

    /// <summary>Section 6.1: the device follows virtio 1.0 or later. Always offered, and required, by the host.</summary>
    public const int VIRTIO_F_VERSION_1 = 32;

    /// <summary>Section 6.1: memory that the device reaches may be limited or translated (vIOMMU).</summary>
    public const int VIRTIO_F_ACCESS_PLATFORM = 33;

    /// <summary>Section 2.8: packed virtqueues.</summary>
    public const int VIRTIO_F_RING_PACKED = 34;

    /// <summary>Section 6.1: the device uses buffers in the order in which they were made available.</summary>
    public const int VIRTIO_F_IN_ORDER = 35;

    /// <summary>Section 6.1: memory accesses are ordered as the platform orders them.</summary>
    public const int VIRTIO_F_ORDER_PLATFORM = 36;

    /// <summary>Section 6.1: single-root I/O virtualization.</summary>
    public const int VIRTIO_F_SR_IOV = 37;

    /// <summary>Section 6.1: the driver passes extra data in its notifications.</summary>
    public const int VIRTIO_F_NOTIFICATION_DATA = 38;

    /// <summary>Section 6.1: the driver uses the data that the device gives it as queue identifier in notifications.</summary>
    public const int VIRTIO_F_NOTIF_CONFIG_DATA = 39;

    /// <summary>Section 2.6.1: the driver can reset one queue.</summary>
    public const int VIRTIO_F_RING_RESET = 40;

    /// <summary>The mask of one bit number.</summary>
    public static ulong Mask(int bit) => 1UL << bit;

    /// <summary>Whether <paramref name="features"/> has the bit.</summary>
    public static bool Has(ulong features, int bit) => (features >> bit & 1) != 0;
}
