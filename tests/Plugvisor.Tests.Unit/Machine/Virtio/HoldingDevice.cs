using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>A device with a real worker thread that takes one chain and keeps it in flight until it is stopped.</summary>
internal sealed class HoldingDevice : IVirtioDevice, IStopsInTime, IQueueService
{
    private readonly QueueWorker _worker;
    private readonly IoSegment[] _segments = new IoSegment[64];
    private DescriptorChain _held;
    private bool _holds;

    public HoldingDevice(GuestMemory memory)
    {
        var log = new DeviceLog("_held", NullLogger.Instance, TimeProvider.System);
        _worker = new QueueWorker(new DeviceHost("_held", memory, log, TimeProvider.System, new DeviceServices()), "_held_q0", this);
    }

    public VirtioTraits Traits { get; } = new() { DeviceType = 2, Features = 0, QueueSizes = [16], ConfigLength = 0 };

    /// <summary>Chains that were in flight when their queue was stopped, and drained.</summary>
    public int Drained { get; private set; }

    /// <summary>What the host's side of the device waits for before it lets go of a chain.</summary>
    public ManualResetEventSlim? DrainWaitsFor { get; init; }

    /// <summary>Set while a chain is in flight.</summary>
    public bool Holds => Volatile.Read(ref _holds);

    public void ReadConfig(int offset, Span<byte> destination) { }

    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    public void Activate(ulong features, IVirtioTransport transport) { }

    public void StartQueue(int index, QueueResources resources) => _worker.Start(resources);

    public QueueState StopQueue(int index) => _worker.Stop();

    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    public void Reset() { }

    public void Dispose() => _worker.Dispose();

    public void Starting(QueueResources queue) { }

    public QueueWait Serve(QueueResources queue)
    {
        if (!_holds && queue.Queue.TryPop(_segments, out _held) == PopStatus.Popped) Volatile.Write(ref _holds, true);
        return QueueWait.ForEvent;
    }

    public void Drain(QueueResources queue)
    {
        DrainWaitsFor?.Wait();
        if (!_holds) return;
        queue.Queue.AddUsed(_held.Head, 0);
        queue.Queue.Publish();
        Drained++;
        Volatile.Write(ref _holds, false);
    }
}
