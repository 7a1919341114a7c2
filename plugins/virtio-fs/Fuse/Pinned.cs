namespace Plugvisor.Plugins.VirtioFs.Fuse;

/// <summary>
/// A descriptor that several threads use and one may want to close. Using takes a pin, which costs one compare-and-swap and no lock; who closes waits for
/// nobody: the descriptor is closed by whoever comes last.
/// </summary>
internal abstract class Pinned
{
    private const int Closed = -1;

    private int _pins = Closed;
    private volatile bool _ending;

    /// <summary>The descriptor; valid with a pin only.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>Whether there is a descriptor.</summary>
    public bool IsOpen => Volatile.Read(ref _pins) != Closed;

    /// <summary>Nobody may find it any more; it is closed as soon as nobody uses it.</summary>
    public bool IsEnding => _ending;

    /// <summary>Puts a descriptor in, with some pins on it. Only while it is closed, and under its table's lock.</summary>
    public void Open(int descriptor, int pins)
    {
        Descriptor = descriptor;
        _ending = false;
        // Release: whoever pins sees the descriptor, and all that its table wrote before.
        Volatile.Write(ref _pins, pins);
    }

    /// <summary>Takes a pin. False when it is closed. Check afterwards that it is still what was looked for.</summary>
    public bool TryPin()
    {
        int pins = Volatile.Read(ref _pins);
        while (pins != Closed)
        {
            int seen = Interlocked.CompareExchange(ref _pins, pins + 1, pins);
            if (seen == pins) return true;
            pins = seen;
        }

        return false;
    }

    /// <summary>Gives a pin back.</summary>
    /// <returns>True when the table has to end it now (<see cref="TryClose"/> under its lock).</returns>
    public bool Unpin() => Interlocked.Decrement(ref _pins) == 0 && _ending;

    /// <summary>Marks it. Under the table's lock.</summary>
    public void End() => _ending = true;

    /// <summary>Takes the descriptor out, if nobody uses it. Under the table's lock.</summary>
    public bool TryClose(out int descriptor)
    {
        descriptor = Descriptor;
        if (Interlocked.CompareExchange(ref _pins, Closed, 0) != 0) return false;
        Descriptor = -1;
        return true;
    }
}
