using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>The device's thread: gives the host what the guest hands over or reports as free. No chain is ever kept, so queues stop at once.</summary>
internal sealed class Worker : IQueueGroupService, IDisposable
{
    /// <summary>Chains between two looks at whether the queue is to stop: each may take some milliseconds.</summary>
    private const int Batch = 4;

    private readonly QueueGroupWorker _worker;
    private readonly GuestMemory _memory;
    private readonly IGuestPages _pages;
    private readonly IDeviceLog _log;
    private readonly Metrics _metrics;
    private readonly PageRuns _runs = new();
    private readonly IoSegment[][] _segments;

    /// <summary>Makes the worker; its thread starts with a queue.</summary>
    public Worker(string id, int queues, IGuestPages pages, IDeviceHost host)
    {
        _memory = host.Memory;
        _pages = pages;
        _log = host.Log;
        _metrics = new Metrics(host.Counters);
        _segments = new IoSegment[queues][];
        Array.Fill(_segments, []);
        _worker = new QueueGroupWorker(host, id, queues, this);
    }

    /// <summary>Starts serving a queue.</summary>
    public void Start(int index, QueueResources queue) => _worker.Start(index, queue);

    /// <summary>Stops serving a queue.</summary>
    public QueueState Stop(int index) => _worker.Stop(index);

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(index, patience, out state);

    /// <inheritdoc/>
    public void Starting(int index, QueueResources queue)
    {
        if (_segments[index].Length < queue.Queue.MaxSegments) _segments[index] = new IoSegment[queue.Queue.MaxSegments];
    }

    /// <inheritdoc/>
    public ServeResult Serve(int index, QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        IoSegment[] segments = _segments[index];
        int done = 0;
        queue.DisableDoorbell();
        while (done < Batch && queue.TryPop(segments, out DescriptorChain chain) == PopStatus.Popped)
        {
            if (index == BalloonSpec.ReportingQueue) Report(segments.AsSpan(chain.Readable, chain.Writable));
            else Move(index, segments.AsSpan(0, chain.Readable), chain.ReadableBytes);
            queue.AddUsed(chain.Head, 0);   // nothing is written; what was reported is gone
            done++;
        }

        if (done == 0) return ServeResult.Idle;
        if (queue.Publish()) resources.Interrupt.Signal();
        return ServeResult.More;
    }

    /// <inheritdoc/>
    public bool AwaitsDriver(int index) => false;   // nobody waits for a balloon: no time is spent looking for more

    /// <inheritdoc/>
    public QueueWait Arm(int index, QueueResources queue, out bool watch)
    {
        watch = false;
        return queue.Queue.EnableDoorbell() ? QueueWait.None : QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(int index, QueueResources queue)
    {
        if (queue.Queue.Publish()) queue.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    /// <summary>Page numbers come in, or go out again.</summary>
    private void Move(int index, ReadOnlySpan<IoSegment> readable, uint bytes)
    {
        _runs.Read(readable);
        if (bytes != (uint)_runs.Count * BalloonSpec.PageNumberSize)
            _log.GuestTriggered($"a list of pages of {bytes} bytes; {_runs.Count} of its pages are taken");
        if (index == BalloonSpec.DeflateQueue)
        {
            // The guest just uses them again (5.5.6.1); the host gives memory at the first touch.
            _metrics.Deflated.Add((ulong)_runs.Count);
            return;
        }

        while (_runs.TryTake(out uint first, out uint pages))
        {
            ulong address = (ulong)first << BalloonSpec.PageShift, length = (ulong)pages << BalloonSpec.PageShift;
            if (!Release(address, length))
            {
                _log.GuestTriggered($"cannot take {pages} pages at 0x{address:x}: they are not RAM");
                continue;
            }

            _metrics.Inflated.Add(pages);
        }
    }

    /// <summary>Free pages, each chain some ranges of them (5.5.6.7). The guest uses none until the chain comes back.</summary>
    private void Report(ReadOnlySpan<IoSegment> ranges)
    {
        foreach (ref readonly IoSegment range in ranges)
        {
            if (TryLocate(range, out ulong address) && Release(address, range.Length)) _metrics.Reported.Add(range.Length);
        }
    }

    private bool Release(ulong address, ulong length)
    {
        if (!_pages.Release(address, length)) return false;
        _metrics.Ranges.Add(1);
        return true;
    }

    /// <summary>The guest's address of a segment, which knows the host's only.</summary>
    private unsafe bool TryLocate(in IoSegment segment, out ulong address)
    {
        foreach (ref readonly GuestRegion region in _memory.Regions)
        {
            nuint offset = (nuint)segment.Address - (nuint)region.HostAddress;
            if (offset >= region.Length) continue;
            address = region.GuestAddress + offset;
            return true;
        }

        address = 0;
        return false;
    }
}
