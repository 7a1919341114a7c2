using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Examples.Crc;

/// <summary>
/// The device: two request queues that work at the same time, so that two vCPUs need not wait for each other. Its configuration is one
/// 16-bit number, how many queues there are.
/// </summary>
internal sealed class Device : IVirtioDevice, IStopsInTime
{
    private const ushort DeviceType = 62;   // none of virtio 1.2 section 5
    private const int Queues = 2;

    private readonly Worker[] _workers = new Worker[Queues];

    public Device(string id, Config config, IDeviceHost host)
    {
        for (int i = 0; i < Queues; i++) _workers[i] = new Worker($"{id}_q{i}", host);
        Traits = new VirtioTraits
        {
            DeviceType = DeviceType,
            Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX),
            QueueSizes = [(ushort)config.QueueSize, (ushort)config.QueueSize],
            ConfigLength = sizeof(ushort),
        };
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> config = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(config, Queues);
        config.Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) { }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _workers[index].Queue.Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _workers[index].Queue.Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _workers[index].Queue.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset() { }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Worker worker in _workers) worker.Queue.Dispose();
    }
}
