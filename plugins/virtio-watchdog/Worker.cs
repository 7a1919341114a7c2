using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>
/// Answers pings and looks for missing ones. A ping is a chain with a byte to write: the device writes 1 and gives it back. The first one starts a
/// tick of 15 s; a tick that finds the last ping more than 20 s ago resets the machine. Both numbers are the guest driver's as well. Only the time that
/// the guest could use counts: not a pause of the VM, and no time in which this process did not run.
/// </summary>
internal sealed class Worker : IQueueService, IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(5);

    private readonly QueueWorker _worker;
    private readonly IMachineControl _machine;
    private readonly IDeviceLog _log;
    private readonly TimeProvider _clock;
    private readonly Metrics _metrics;
    private IoSegment[] _segments = [];
    private bool _armed, _fired;
    private long _lastPing, _lastTick;   // timestamps of the clock, valid while armed

    /// <summary>Makes the worker; its thread starts with the queue.</summary>
    public Worker(string id, State saved, IMachineControl machine, IDeviceHost host)
    {
        _armed = saved.Armed;
        _machine = machine;
        _log = host.Log;
        _clock = host.Clock;
        _metrics = new Metrics(host.Counters);
        _worker = new QueueWorker(host, $"{id}_q0", this);
    }

    /// <summary>What the next instance has to know. While the queue is stopped.</summary>
    public State State => new(_armed);

    /// <summary>Starts serving.</summary>
    public void Start(QueueResources queue) => _worker.Start(queue);

    /// <summary>Stops serving, and the time.</summary>
    public QueueState Stop() => _worker.Stop();

    /// <summary>As <see cref="Stop"/>, with a bound for the wait.</summary>
    public bool TryStop(TimeSpan patience, out QueueState state) => _worker.TryStop(patience, out state);

    /// <summary>Back to before the first ping. While the queue is stopped.</summary>
    public void Disarm() => _armed = _fired = false;

    /// <inheritdoc/>
    public void Starting(QueueResources queue)
    {
        if (_segments.Length < queue.Queue.MaxSegments) _segments = new IoSegment[queue.Queue.MaxSegments];
        if (_armed) Restart();
    }

    /// <inheritdoc/>
    public QueueWait Serve(QueueResources resources)
    {
        Virtqueue queue = resources.Queue;
        do
        {
            queue.DisableDoorbell();
            while (!_worker.StopRequested && queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped) Answer(queue, chain);
            if (queue.Publish()) resources.Interrupt.Signal();
        }
        while (!_worker.StopRequested && queue.EnableDoorbell());
        return Check();
    }

    /// <summary>Nothing is ever in flight.</summary>
    public void Drain(QueueResources resources)
    {
        if (resources.Queue.Publish()) resources.Interrupt.Signal();
    }

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

    private void Answer(Virtqueue queue, DescriptorChain chain)
    {
        bool ping = TryWriteOne(chain);
        queue.AddUsed(chain.Head, ping ? 1u : 0);
        if (!ping)
        {
            _log.GuestTriggered("a ping without a byte to write does not count");
            return;
        }

        _metrics.AddPing();
        if (_armed)
        {
            _lastPing = _clock.GetTimestamp();
            return;
        }

        _armed = true;
        Restart();
        _log.Info($"first ping: without another within {Limit.TotalSeconds:0} s the machine is reset");
    }

    private unsafe bool TryWriteOne(DescriptorChain chain)
    {
        for (int i = chain.Readable; i < chain.Readable + chain.Writable; i++)
        {
            if (_segments[i].Length == 0) continue;
            // SAFETY: the segment was checked when the chain was taken and has at least one byte.
            *_segments[i].Address = 1;
            return true;
        }

        return false;
    }

    private void Restart() => _lastPing = _lastTick = _clock.GetTimestamp();

    /// <summary>Looks at the time.</summary>
    private QueueWait Check()
    {
        if (!_armed || _fired) return QueueWait.ForEvent;
        long now = _clock.GetTimestamp();
        TimeSpan sinceTick = _clock.GetElapsedTime(_lastTick, now);
        if (sinceTick < Tick) return QueueWait.AtMost(Tick - sinceTick);
        _lastTick = now;
        if (sinceTick > Tick + Late)
        {
            // The process was stopped, or the host slept: the guest could not feed it either.
            _log.Warn($"the watchdog's tick came {(sinceTick - Tick).TotalSeconds:0} s late; the guest gets its full time again");
            _lastPing = now;
        }

        TimeSpan sincePing = _clock.GetElapsedTime(_lastPing, now);
        if (sincePing <= Limit) return QueueWait.AtMost(Tick);
        _fired = true;
        _machine.RequestReset($"watchdog: no ping for {sincePing.TotalSeconds:0} s");
        return QueueWait.ForEvent;
    }
}
