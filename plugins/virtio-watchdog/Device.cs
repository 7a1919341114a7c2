using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>The device: one queue, no config space, no features of its own.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, ISnapshottable
{
    private const ushort VIRTIO_ID_WATCHDOG = 35;   // section 5
    private const ushort QueueSize = 8;

    private readonly Worker _worker;

    /// <summary>A device whose timer does not run until the guest feeds it first.</summary>
    /// <exception cref="DeviceException">The host cannot reset the machine, or the saved state not be used.</exception>
    public Device(DeviceRequest request, IDeviceHost host)
    {
        IMachineControl machine = host.Service<IMachineControl>()
            ?? throw new DeviceException($"watchdog device {request.Id}: this host lets no device reset the machine");
        _worker = new Worker(request.Id, State.From(request.SavedState.Span), machine, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = VIRTIO_ID_WATCHDOG,
        Features = 0,
        QueueSizes = [QueueSize],
        ConfigLength = 0,
    };

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination) { }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) { }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _worker.Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _worker.Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <summary>A driver that resets its device is alive; the next one starts the timer again.</summary>
    public void Reset() => _worker.Disarm();

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save() => _worker.State.ToBytes();

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();
}
