namespace Plugvisor.Machine.Virtio;

/// <summary>Where things lie in BAR 0 of a virtio device, and how capabilities name them (virtio 1.2 section 4.1.4).</summary>
internal static class VirtioPciLayout
{
    public const int Bar = 0;
    public const ulong BarSize = 0x80000;

    public const uint CommonOffset = 0x0000;
    public const uint CommonLength = 0x38;
    public const uint IsrOffset = 0x2000;
    public const uint IsrLength = 1;
    public const uint DeviceOffset = 0x4000;
    public const uint DeviceLength = 0x1000;
    public const uint NotifyOffset = 0x6000;
    public const uint NotifyLength = 0x1000;
    public const uint NotifyMultiplier = 4;
    public const uint MsixTableOffset = 0x8000;
    public const uint MsixTableLength = 0x40000;
    public const uint MsixPendingOffset = 0x48000;
    public const uint MsixPendingLength = 0x800;

    /// <summary>As many as have a doorbell in the notify region.</summary>
    public const int MaxQueues = (int)(NotifyLength / NotifyMultiplier);

    public const byte CapabilityCommon = 1;
    public const byte CapabilityNotify = 2;
    public const byte CapabilityIsr = 3;
    public const byte CapabilityDevice = 4;
    public const byte CapabilityPciAccess = 5;

    /// <summary>No MSI-X vector (section 4.1.5.1.2).</summary>
    public const ushort NoVector = 0xffff;

    public const ushort Vendor = 0x1af4;
    public const ushort DeviceBase = 0x1040;
    public const byte Revision = 1;
}
