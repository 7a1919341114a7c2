using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.Pmem;

/// <summary>
/// Answers flushes on a thread of its own. All that wait are answered by one look at the file: what was written before any of them was asked is durable then. So a storm of them costs one
/// fdatasync after the other and no more.
/// </summary>
internal sealed class Worker : IQueueService, IDisposable
{
    private readonly QueueWorker _worker;
    private readonly Backing _backing;
    private readonly IDeviceLog _log;
    private readonly Metrics _metrics;
    private IoSegment[] _segments = [];
    private Request[] _batch = [];

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    public Worker(string id, Backing backing, IDeviceHost host)
    {
        _backing = backing;
        _log = host.Log;
        _metrics = new Metrics(host.Counters);
        _worker = new QueueWorker(host, $"{id}_q0", this);
    }

    /// <summary>Starts serving.</summary>
    public void Start(QueueResources queue) => _worker.Start(queue);

    /// <summary>Stops serving.</summary>
    public QueueState Stop() => _worker.Stop();

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
        if (_batch.Length < queue.Queue.Size) _batch = new Request[queue.Queue.Size];
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        do
        {
            queue.DisableDoorbell();
            int count = Take(queue);
            if (count > 0) Answer(queue, count);
            if (queue.Publish()) resources.Interrupt.Signal();
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <summary>Nothing is in flight between two rounds.</summary>
    public void Drain(QueueResources resources)
    {
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private int Take(Virtqueue queue)
    {
        int count = 0;
        while (count < queue.Size && queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
            _batch[count++] = Request.Read(chain, _segments);
        return count;
    }

    private void Answer(Virtqueue queue, int count)
    {
        int flushes = 0;
        for (int i = 0; i < count; i++)
        {
            if (_batch[i].IsFlush) flushes++;
        }

        bool done = flushes == 0 || _backing.Flush();
        if (flushes > 0) _metrics.Add(flushes);
        if (flushes < count) _log.GuestTriggered("a request that is no flush, or has no room for its answer, was refused");
        for (int i = 0; i < count; i++)
        {
            ref Request request = ref _batch[i];
            uint answer = request.IsFlush && done ? PmemSpec.VIRTIO_PMEM_RESP_TYPE_OK : PmemSpec.VIRTIO_PMEM_RESP_TYPE_EIO;
            queue.AddUsed(request.Head, request.Answer(answer));
        }
    }
}
