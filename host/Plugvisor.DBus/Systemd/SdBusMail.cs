using Plugvisor.DBus.Bus;
using Plugvisor.Linux.Events;

namespace Plugvisor.DBus.Systemd;

/// <summary>
/// What any thread hands to a connection's thread: replies, signals and the wish to stop. Each wakes the thread. After <see cref="Close"/> replies
/// and signals are dropped, and the descriptor is closed.
/// </summary>
internal sealed class SdBusMail : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<(SdBusCall Call, BusReply Reply)> _replies = new();
    private readonly Queue<(BusSignal Signal, TaskCompletionSource Taken)> _signals = new();
    private readonly EventFd _wake = new();
    private bool _closed;
    private bool _stopping;

    /// <summary>Readable while there is news.</summary>
    public int Descriptor => _wake.Descriptor;

    /// <summary>Whether the connection is to end.</summary>
    public bool IsStopping
    {
        get { lock (_gate) return _stopping; }
    }

    /// <summary>Whether something waits to be taken.</summary>
    public bool HasPost
    {
        get { lock (_gate) return _replies.Count + _signals.Count > 0; }
    }

    /// <summary>Any thread: a reply is ready.</summary>
    public void Post(SdBusCall call, BusReply reply)
    {
        lock (_gate)
        {
            if (_closed) return;
            _replies.Enqueue((call, reply));
            _wake.Signal();
        }
    }

    /// <summary>Any thread: a signal is to be sent. The task ends when it has been taken or there is no connection any more.</summary>
    public Task Post(BusSignal signal)
    {
        lock (_gate)
        {
            if (_closed) return Task.CompletedTask;
            var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _signals.Enqueue((signal, taken));
            _wake.Signal();
            return taken.Task;
        }
    }

    /// <summary>Any thread: the connection is to end.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            if (!_closed) _wake.Signal();
        }
    }

    /// <summary>The connection's thread: what was posted from now on wakes it again.</summary>
    public void Awake() => _ = _wake.Drain();

    /// <summary>The connection's thread: the next reply.</summary>
    public bool TryTakeReply(out SdBusCall call, out BusReply reply)
    {
        lock (_gate)
        {
            bool any = _replies.TryDequeue(out (SdBusCall Call, BusReply Reply) next);
            (call, reply) = next;
            return any;
        }
    }

    /// <summary>The connection's thread: the next signal, whose sender is told that it was taken.</summary>
    public bool TryTakeSignal(out BusSignal signal)
    {
        lock (_gate)
        {
            bool any = _signals.TryDequeue(out (BusSignal Signal, TaskCompletionSource Taken) next);
            signal = next.Signal;
            if (any) next.Taken.SetResult();
            return any;
        }
    }

    /// <summary>The connection's thread: it is over. Nobody waits any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            _replies.Clear();
            foreach ((_, TaskCompletionSource taken) in _signals) taken.SetResult();
            _signals.Clear();
            _wake.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();
}
