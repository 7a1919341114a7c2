using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <summary>
/// A virtio device whose queues another process serves, over the vhost-user protocol (QEMU's docs/interop/vhost-user.rst): the process maps guest
/// memory, takes the driver's doorbells and raises its interrupts, so that no thread of the VMM is on the data path. A plugin derives its device
/// from this and says what it is by <see cref="VhostUserOptions"/>. A back end that goes away is waited for: the device reconnects, and what the driver
/// asked for meanwhile is done then.
/// </summary>
public abstract class VhostUserDevice : IVirtioDevice, IStopsInTime, IHandsOver
{
    private const ulong RingFeatures = 1UL << VirtioFeatures.VIRTIO_F_INDIRECT_DESC | 1UL << VirtioFeatures.VIRTIO_F_EVENT_IDX
        | 1UL << VirtioFeatures.VIRTIO_F_IN_ORDER | 1UL << VirtioFeatures.VIRTIO_F_ORDER_PLATFORM;

    private readonly BackEndLink _link;

    /// <summary>Connects to the back end and learns its features, or goes on with the connection of an earlier instance. On the control loop's thread; waits as long as the options say.</summary>
    /// <param name="request">Whose device it is.</param>
    /// <param name="options">What is expected.</param>
    /// <param name="host">The device's world. Guest memory has to be shareable.</param>
    /// <exception cref="DeviceException">Nobody listens, the back end cannot do what is needed, or guest memory is not shared.</exception>
    protected VhostUserDevice(DeviceRequest request, VhostUserOptions options, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(host);
        const ulong modern = 1UL << VirtioFeatures.VIRTIO_F_VERSION_1;
        _link = new BackEndLink(request, options, options.Features | RingFeatures | modern, host);
        Traits = new VirtioTraits
        {
            DeviceType = options.DeviceType,
            Features = _link.OfferedFeatures & ~modern,
            QueueSizes = options.QueueSizes,
            ConfigLength = options.ConfigLength,
            PciClass = options.PciClass,
        };
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <inheritdoc/>
    public virtual void ReadConfig(int offset, Span<byte> destination) => _link.ReadConfig(offset, destination);

    /// <inheritdoc/>
    public virtual void WriteConfig(int offset, ReadOnlySpan<byte> source) => _link.WriteConfig(offset, source);

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) => _link.Activate(features, transport);

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _link.StartQueue(index, resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index)
    {
        _link.TryStopQueue(index, Timeout.InfiniteTimeSpan, out QueueState state);
        return state;
    }

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _link.TryStopQueue(index, patience, out state);

    /// <inheritdoc/>
    public void Reset() => _link.Reset();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save() => _link.Save();

    /// <inheritdoc/>
    public IReadOnlyList<System.Runtime.InteropServices.SafeHandle> Handover => _link.Handover();

    /// <inheritdoc/>
    public void HandedOver()
    {
        // Closing our descriptors of it harms nobody.
    }

    /// <summary>Ends the connection and the device's thread. A device that overrides it calls this one first.</summary>
    /// <param name="disposing">True: there is no finalizer.</param>
    protected virtual void Dispose(bool disposing) => _link.Dispose();
}
