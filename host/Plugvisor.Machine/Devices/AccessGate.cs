namespace Plugvisor.Machine.Devices;

/// <summary>
/// Lets accesses of vCPUs through to a device, and holds them back while its code is exchanged. Passing an open gate is free of locks.
/// </summary>
internal sealed class AccessGate
{
    private readonly object _lock = new();
    private int _users;
    private bool _closed;

    /// <summary>An access begins; waits while the gate is closed. <see cref="Leave"/> has to follow.</summary>
    public void Enter()
    {
        while (true)
        {
            Interlocked.Increment(ref _users);   // a full fence: either Close sees the user, or the user sees the gate closed
            if (!Volatile.Read(ref _closed)) return;
            Leave();
            lock (_lock)
            {
                while (_closed) Monitor.Wait(_lock);
            }
        }
    }

    /// <summary>The access is over.</summary>
    public void Leave() => Interlocked.Decrement(ref _users);

    /// <summary>Holds back new accesses and waits for those under way.</summary>
    /// <param name="patience">How long to wait.</param>
    /// <returns>False when one does not end in time; the gate is open again then.</returns>
    public bool Close(TimeSpan patience)
    {
        Volatile.Write(ref _closed, true);
        Interlocked.MemoryBarrier();
        if (SpinWait.SpinUntil(() => Volatile.Read(ref _users) == 0, patience)) return true;
        Open();
        return false;
    }

    /// <summary>Lets everybody through again.</summary>
    public void Open()
    {
        lock (_lock)
        {
            Volatile.Write(ref _closed, false);
            Monitor.PulseAll(_lock);
        }
    }
}
