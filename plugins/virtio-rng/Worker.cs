using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>
/// Fills buffers with random bytes. A guest can ask for 4 GiB at once and ask again without end; so a request gets at most
/// <see cref="MaxRequest"/> bytes (the device may write less than asked, section 5.4.6.1), and all together a bounded rate.
/// </summary>
internal sealed class Worker : IQueueService, IDisposable
{
    private const uint MaxRequest = 64 << 10;

    // Costs a few percent of one core at most; a guest seeds its own generator with some hundred bytes.
    private const ulong BytesPerSecond = 16 << 20;
    private const ulong RequestsPerSecond = 50_000;
    private const ulong Second = 1000;

    private readonly QueueWorker _worker;
    private readonly ByteSource _source;
    private readonly string _path;
    private readonly IDeviceHost _host;
    private readonly Metrics _metrics;
    private readonly RateLimiter _limiter;
    private readonly bool _canPoll;
    private IoSegment[] _segments = [];
    private DescriptorChain _chain;
    private bool _hasChain, _ended;

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    public Worker(string id, string path, ByteSource source, State? saved, IDeviceHost host)
    {
        _source = source;
        _path = path;
        _host = host;
        _metrics = new Metrics(host.Counters);
        _limiter = new RateLimiter(
            TokenBucket.Create(BytesPerSecond, 0, Second), TokenBucket.Create(RequestsPerSecond, 0, Second), host.Clock);
        if (saved is { } state) _limiter.Restore(state.Limits);
        _worker = new QueueWorker(host, $"{id}_q0", this);
        _canPoll = TryWatch();
    }

    /// <summary>What the next instance has to know. While the queue is stopped.</summary>
    public State State => new(_limiter.Level);

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
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        QueueWait wait = QueueWait.ForEvent;
        do
        {
            queue.DisableDoorbell();
            bool blocked = false;
            while (!blocked && !_worker.StopRequested && TryTakeChain(queue)) blocked = !TryAnswer(queue, out wait);
            if (queue.Publish()) resources.Interrupt.Signal();
            if (blocked) return wait;   // no doorbell: there is a chain waiting already
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return QueueWait.ForEvent;
    }

    /// <inheritdoc/>
    public void Drain(QueueResources resources)
    {
        // A chain that waits for its turn is answered out of turn; with what the source has, which may be nothing.
        if (_hasChain) GiveBack(resources.Queue, Math.Max(Fill(), 0));
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private bool TryTakeChain(Virtqueue queue)
    {
        if (!_hasChain) _hasChain = queue.TryPop(_segments, out _chain) == PopStatus.Popped;
        return _hasChain;
    }

    /// <returns>False when the chain has to wait.</returns>
    private bool TryAnswer(Virtqueue queue, out QueueWait wait)
    {
        wait = QueueWait.ForEvent;
        if (_ended) return false;
        TimeSpan pause = _limiter.Take(Math.Min(_chain.WritableBytes, MaxRequest));
        if (pause > TimeSpan.Zero)
        {
            wait = QueueWait.AtMost(pause);
            return false;
        }

        int count = Fill();
        if (count == ByteSource.WouldBlock && _chain.WritableBytes > 0)
        {
            // A source that can be polled wakes us; the others are asked again.
            if (!_canPoll) wait = QueueWait.AtMost(TimeSpan.FromMilliseconds(10));
            return false;
        }

        if (count == ByteSource.Ended)
        {
            _ended = true;
            _host.Fail($"the entropy source {_path} has no more bytes");
            return false;
        }

        GiveBack(queue, count);
        return true;
    }

    private void GiveBack(Virtqueue queue, int count)
    {
        _hasChain = false;
        queue.AddUsed(_chain.Head, (uint)count);
        _metrics.Add((uint)count);
    }

    /// <returns>Bytes written; or what <see cref="ByteSource.Read"/> says when there are none though the chain has
    /// room.</returns>
    private int Fill()
    {
        int left = (int)Math.Min(_chain.WritableBytes, MaxRequest), done = 0;
        for (int i = _chain.Readable; left > 0; i++)
        {
            Span<byte> target = _segments[i].Bytes;
            if (target.Length > left) target = target[..left];
            while (!target.IsEmpty)
            {
                int count = _source.Read(target);
                if (count < 0) return done > 0 ? done : count;
                target = target[count..];
                done += count;
                left -= count;
            }
        }

        return done;
    }

    private bool TryWatch()
    {
        try
        {
            _worker.Watch(_source.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered);
            return true;
        }
        catch (LinuxException)
        {
            return false;   // a regular file: never blocks
        }
    }
}
