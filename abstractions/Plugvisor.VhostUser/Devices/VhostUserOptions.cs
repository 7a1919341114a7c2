namespace Plugvisor.VhostUser.Devices;

/// <summary>What a device expects of its back end.</summary>
public sealed class VhostUserOptions
{
    /// <summary>Where the back end listens, a Unix socket.</summary>
    public required string SocketPath { get; init; }

    /// <summary>Device type of virtio 1.2 section 5.</summary>
    public required ushort DeviceType { get; init; }

    /// <summary>The size of each queue, a power of two; as many as there are sizes.</summary>
    public required IReadOnlyList<ushort> QueueSizes { get; init; }

    /// <summary>
    /// Feature bits of the device type that the driver is offered where the back end has them. What belongs to the ring
    /// (INDIRECT_DESC, EVENT_IDX, IN_ORDER, ORDER_PLATFORM) is added here.
    /// </summary>
    public ulong Features { get; init; }

    /// <summary>Bytes of device config space, at most 4,096.</summary>
    public int ConfigLength { get; init; }

    /// <summary>
    /// The config space is the back end's. Otherwise the device has its own and overrides <see cref="VhostUserDevice.ReadConfig"/>.
    /// </summary>
    public bool HasConfigFromBackEnd { get; init; }

    /// <summary>PCI class, as <see cref="Plugvisor.Virtio.Devices.VirtioTraits.PciClass"/>.</summary>
    public ushort PciClass { get; init; } = 0xffff;

    /// <summary>What to do when nobody listens, for the error: <c>start it with ...</c></summary>
    public string? Advice { get; init; }

    /// <summary>
    /// How long to wait for somebody to listen when the device is made, as the two are often started at the same time. It holds up whoever makes the
    /// device, so it is short for a device that is added to a running machine. More than 20 s are the host's to allow: the plugin is an
    /// <see cref="Plugvisor.Abstractions.Devices.IPatientPlugin"/> then.
    /// </summary>
    public TimeSpan ConnectPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a back end may take to answer.</summary>
    public TimeSpan RequestPatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a back end may take to stop a queue, with what is in flight on it.</summary>
    public TimeSpan StopPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The longest pause between attempts to reach a back end that is gone.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(1);
}
