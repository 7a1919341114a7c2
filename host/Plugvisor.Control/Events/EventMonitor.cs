using Microsoft.Extensions.Logging;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;

namespace Plugvisor.Control.Events;

/// <summary>
/// Writes every event to a file, FIFO, pipe or socket: the document with indentation, then an empty line. A thread of its own writes, so nobody
/// else ever waits for the reader. For a reader that does not keep up a bounded number of events is kept; what is lost beyond is said in the
/// log, and in the output by a record <c>vmm</c>/<c>events-lost</c>.
/// </summary>
public sealed class EventMonitor : IDisposable
{
    private const int NoDeadline = -1, LingerMilliseconds = 500;

    private readonly EventFd _wake = new();
    private readonly EventSubscription _events;
    private readonly string _name;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private ByteSink _sink;
    private long _deadline = long.MaxValue;   // of the last writes, TickCount64
    private bool _lossLogged;

    /// <summary>Starts to write what the hub publishes from now on.</summary>
    /// <param name="hub">The events.</param>
    /// <param name="sink">Where to; belongs to the monitor from now on.</param>
    /// <param name="name">How the log names it: the path, or <c>fd=N</c>.</param>
    /// <param name="log">The log.</param>
    public EventMonitor(EventHub hub, ByteSink sink, string name, ILogger log)
    {
        _sink = sink;
        _name = name;
        _log = log;
        _events = hub.Subscribe(EventHub.DefaultCapacity, _wake.Signal);
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { Name = "event-monitor", IsBackground = true };
        _thread.Start();
    }

    /// <summary>
    /// Ends the monitor. When the hub is complete, what is still unread gets half a second to be taken by the reader.
    /// </summary>
    public void Dispose()
    {
        Volatile.Write(ref _deadline, Environment.TickCount64 + LingerMilliseconds);
        _events.Dispose();
        _wake.Signal();
        if (!_thread.Join(2 * LingerMilliseconds)) return;   // in a write to a disk that hangs: the process's end closes what it holds
        _sink.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        using var idle = new Epoll();
        idle.Set(_wake.Descriptor, EpollEvents.Readable, 0);
        Span<EpollEvent> ready = stackalloc EpollEvent[1];
        while (true)
        {
            if (_events.TryRead(out VmmEvent? next, out bool isEnd))
            {
                if (next.Lost > 0) ReportGap(next.Lost);
                if (Write([.. next.ToIndentedJson(), (byte)'\n', (byte)'\n'])) continue;
                _events.Dispose();
                return;
            }

            if (isEnd) return;
            _ = idle.Wait(ready, NoDeadline);
            _ = _wake.Drain();
        }
    }

    /// <returns>False when nobody will read any more, or the time for last writes is over.</returns>
    private bool Write(ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<byte> rest = record;
        bool reopened = false;
        while (!rest.IsEmpty)
        {
            int taken = _sink.Write(rest);
            if (taken >= 0)
            {
                rest = rest[taken..];
            }
            else if (taken == ByteSink.Gone)
            {
                if (reopened || _sink.Reopen() is not { } again)
                {
                    _log.LogWarning("event monitor {Name}: its reader is gone, or it takes nothing any more; no more events are written", _name);
                    return false;
                }

                _sink = again;
                reopened = true;
                rest = record;   // the next reader begins with a whole record
            }
            else if (!AwaitReader())
            {
                return false;
            }
        }

        return true;
    }

    private bool AwaitReader()
    {
        if (_events.IsOverrun && !_lossLogged)
        {
            _lossLogged = true;
            _log.LogWarning("event monitor {Name}: its reader does not keep up, {Kept} events wait; further ones are lost", _name, EventHub.DefaultCapacity);
        }

        long deadline = Volatile.Read(ref _deadline), left = deadline - Environment.TickCount64;
        if (left <= 0)
        {
            _log.LogWarning("event monitor {Name}: its reader did not take the last events", _name);
            return false;
        }

        _sink.AwaitWritable(_wake, deadline == long.MaxValue ? NoDeadline : (int)left);
        return true;
    }

    private void ReportGap(long lost)
    {
        _lossLogged = false;
        _log.LogWarning("event monitor {Name}: {Lost} events were lost because its reader did not keep up", _name, lost);
    }
}
