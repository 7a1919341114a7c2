using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace MyDevice;

/// <summary>A virtio device with one queue and four bytes of configuration: the limit.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime
{
    public const ushort DeviceType = 4242;

    private readonly Config _config;
    private readonly Worker _worker;

    public Device(string id, Config config, IDeviceHost host)
    {
        _config = config;
        _worker = new Worker(id, config, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = DeviceType,
        Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX),
        QueueSizes = [64],
        ConfigLength = sizeof(uint),
    };

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> config = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(config, (uint)_config.Limit);
        config.Slice(offset, destination.Length).CopyTo(destination);   // the host has checked the range
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) { }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _worker.Queue.Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _worker.Queue.Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.Queue.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset() { }

    /// <inheritdoc/>
    public void Dispose() => _worker.Queue.Dispose();
}
