using Plugvisor.Linux.Events;

namespace Plugvisor.Rest.Transport;

/// <summary>One thread that watches all sockets of the API, edge-triggered, and wakes those who wait for them.</summary>
internal sealed class SocketPoller : IDisposable
{
    private const ulong WakeId = 0;
    private const int NoTimeout = -1;

    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, IPolled> _targets = [];   // ids are never used again, so a late event finds nothing
    private readonly Thread _thread;
    private ulong _nextId = WakeId + 1;
    private bool _stopped;

    /// <summary>Starts the thread.</summary>
    public SocketPoller()
    {
        _epoll.Set(_wake.Descriptor, EpollEvents.Readable, WakeId);
        _thread = new Thread(Run, maxStackSize: 256 * 1024) { Name = "api-poll", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Watches a descriptor. What is ready already is told at once.</summary>
    /// <returns>What <see cref="Remove"/> takes.</returns>
    public ulong Add(int descriptor, IPolled target)
    {
        ulong id;
        lock (_lock)
        {
            id = _nextId++;
            _targets.Add(id, target);
        }

        try
        {
            _epoll.Set(descriptor, EpollEvents.Readable | EpollEvents.Writable | EpollEvents.EdgeTriggered, id);
        }
        catch
        {
            Forget(id);
            throw;
        }

        return id;
    }

    /// <summary>Ends the watch; the descriptor is still open.</summary>
    public void Remove(ulong id, int descriptor)
    {
        Forget(id);
        _epoll.Remove(descriptor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref _stopped, true);
        _wake.Signal();
        _thread.Join();
        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Forget(ulong id)
    {
        lock (_lock) _targets.Remove(id);
    }

    private void Run()
    {
        Span<EpollEvent> ready = stackalloc EpollEvent[64];
        while (!Volatile.Read(ref _stopped))
        {
            int count = _epoll.Wait(ready, NoTimeout);
            foreach (EpollEvent entry in ready[..count])
            {
                IPolled? target;
                lock (_lock) _ = _targets.TryGetValue(entry.Data, out target);
                target?.OnReady(entry.Events);
            }
        }
    }
}
