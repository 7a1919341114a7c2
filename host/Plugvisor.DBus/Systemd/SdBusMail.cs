using Plugvisor.Linux.Events;

namespace Plugvisor.DBus.Systemd;

/// <summary>
/// What any thread tells a connection's thread: replies, that there is something to signal, the wish to stop. Each wakes the thread. Once
/// disposed, nothing is taken any more.
/// </summary>
internal sealed class SdBusMail : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<SdBusCall> _answered = new();
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

    /// <summary>Any thread: a call has its answer.</summary>
    public void Post(SdBusCall call)
    {
        lock (_gate)
        {
            if (_closed) return;
            _answered.Enqueue(call);
            _wake.Signal();
        }
    }

    /// <summary>Any thread: have a look.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (!_closed) _wake.Signal();
        }
    }

    /// <summary>Any thread: the connection is to end.</summary>
    public void Stop()
    {
        lock (_gate) _stopping = true;
        Wake();
    }

    /// <summary>The connection's thread: what comes from now on wakes it again.</summary>
    public void Awake() => _ = _wake.Drain();

    /// <summary>The connection's thread: the next call that has its answer, or null.</summary>
    public SdBusCall? Take()
    {
        lock (_gate) return _answered.TryDequeue(out SdBusCall? call) ? call : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            _answered.Clear();
            _wake.Dispose();
        }
    }
}
