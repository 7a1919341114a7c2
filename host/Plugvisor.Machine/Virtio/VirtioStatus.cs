namespace Plugvisor.Machine.Virtio;

/// <summary>Bits of device_status (virtio 1.2 section 2.1).</summary>
internal static class VirtioStatus
{
    public const byte Acknowledge = 1;
    public const byte Driver = 2;
    public const byte DriverOk = 4;
    public const byte FeaturesOk = 8;
    public const byte NeedsReset = 64;
    public const byte Failed = 128;

    /// <summary>What the driver may set; <see cref="NeedsReset"/> is the device's.</summary>
    public const byte DriverBits = Acknowledge | Driver | DriverOk | FeaturesOk | Failed;
}
