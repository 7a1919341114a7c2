using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace MyDevice;

/// <summary>
/// Serves the queue on a thread of its own: a request's readable bytes come back in its writable ones. The queue has checked the chain; what is in the
/// bytes is the guest's, so trust none of it.
/// </summary>
internal sealed class Worker : IQueueService
{
    private readonly int _limit;
    private readonly DeviceCounter _requests, _bytes;
    private IoSegment[] _segments = [];

    public Worker(string id, Config config, IDeviceHost host)
    {
        _limit = config.Limit;
        _requests = host.Counters.Add("requests");
        _bytes = host.Counters.Add("bytes");
        Queue = new QueueWorker(host, $"{id}_q0", this);
    }

    /// <summary>The thread; it starts with the queue.</summary>
    public QueueWorker Queue { get; }

    /// <inheritdoc/>
    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources queue)
    {
        do
        {
            queue.Queue.DisableDoorbell();
            while (!Queue.StopRequested && queue.Queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
            {
                uint written = Echo(chain);
                _requests.Add(1);
                _bytes.Add(written);
                queue.Queue.AddUsed(chain.Head, written);
            }

            if (queue.Queue.Publish()) queue.Interrupt.Signal();
        }
        while (!Queue.StopRequested && queue.Queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources queue)
    {
        if (queue.Queue.Publish()) queue.Interrupt.Signal();
    }

    private uint Echo(in DescriptorChain chain)
    {
        int from = 0, to = chain.Readable, fromOffset = 0, toOffset = 0, left = _limit;
        while (left > 0 && from < chain.Readable && to < chain.Readable + chain.Writable)
        {
            ReadOnlySpan<byte> source = _segments[from].Bytes[fromOffset..];
            Span<byte> target = _segments[to].Bytes[toOffset..];
            int count = Math.Min(left, Math.Min(source.Length, target.Length));
            source[..count].CopyTo(target);
            left -= count;
            fromOffset += count;
            toOffset += count;
            if (fromOffset == (int)_segments[from].Length) (from, fromOffset) = (from + 1, 0);
            if (toOffset == (int)_segments[to].Length) (to, toOffset) = (to + 1, 0);
        }

        return (uint)(_limit - left);
    }
}
