namespace Plugvisor.Plugins.Loading;

/// <summary>Names of the threads that a device started through the host and that have not ended. Any thread.</summary>
public sealed class DeviceThreads
{
    private readonly List<string> _running = [];   // also the lock

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_running) return _running.Count;
        }
    }

    /// <summary>Their names now.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_running) return [.. _running];
        }
    }

    /// <summary>One starts.</summary>
    public void Add(string name)
    {
        lock (_running) _running.Add(name);
    }

    /// <summary>One has ended.</summary>
    public void Remove(string name)
    {
        lock (_running) _ = _running.Remove(name);
    }
}
