using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Sample.Tiny;

/// <summary>A virtio block device (virtio 1.2 section 5.2) of 8 sectors that reads zeros and forgets what is written.</summary>
internal sealed class Device : IVirtioDevice, IQueueService
{
    private const ushort VIRTIO_ID_BLOCK = 2;
    private const ulong Sectors = 8;

    private readonly Mischief _mischief;
    private readonly DeviceCounter _requests;
    private readonly QueueWorker _worker;
    private IoSegment[] _segments = [];

    public Device(string id, Mischief mischief, IDeviceHost host)
    {
        _mischief = mischief;
        _requests = host.Counters.Add("requests");
        host.Counters.AddGauge("sectors", () => Sectors);
        _worker = new QueueWorker(host, $"{id}_q0", this);
        mischief.Leave(host);
    }

    public VirtioTraits Traits { get; } = new() { DeviceType = VIRTIO_ID_BLOCK, Features = 0, QueueSizes = [128], ConfigLength = 8 };

    public void ReadConfig(int offset, Span<byte> destination)
    {
        _mischief.Throw("throw-config");
        Span<byte> config = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(config, Sectors);
        config.Slice(offset, destination.Length).CopyTo(destination);
    }

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    public void Activate(ulong features, IVirtioTransport transport) => _mischief.Throw("throw-activate");

    public void StartQueue(int index, QueueResources resources) => _worker.Start(resources);

    public QueueState StopQueue(int index) => _worker.Stop();

    public void Reset() { }

    public void Dispose()
    {
        _worker.Dispose();
        if (_mischief.Is("hang-dispose")) Mischief.WaitForEver();
        _mischief.Throw("throw-dispose");
    }

    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
    }

    public QueueWait Serve(QueueResources queue)
    {
        _mischief.Throw("throw-serve");
        do
        {
            queue.Queue.DisableDoorbell();
            while (queue.Queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped) Answer(queue.Queue, chain);
            if (queue.Queue.Publish()) queue.Interrupt.Signal();
        }
        while (!_worker.StopRequested && queue.Queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    public void Drain(QueueResources queue)
    {
        if (queue.Queue.Publish()) queue.Interrupt.Signal();
    }

    private void Answer(Virtqueue queue, DescriptorChain chain)
    {
        // The last byte that can be written is the status, and 0 is success.
        for (int i = chain.Readable; i < chain.Readable + chain.Writable; i++) _segments[i].Bytes.Clear();
        queue.AddUsed(chain.Head, chain.WritableBytes);
        _requests.Add(1);
    }
}
