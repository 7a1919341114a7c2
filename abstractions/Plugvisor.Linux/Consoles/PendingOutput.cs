namespace Plugvisor.Linux.Consoles;

/// <summary>
/// Output that the other side has not taken yet: a ring that grows to a bound and then drops its oldest bytes, since what a
/// guest said last is what one wants to see. Callers hold a lock.
/// </summary>
internal sealed class PendingOutput(int bound)
{
    private const int FirstSize = 4096;

    private byte[] _ring = [];
    private int _start, _count;

    /// <summary>Bytes that wait.</summary>
    public int Count => _count;

    /// <summary>Bytes that were dropped so far.</summary>
    public ulong Dropped { get; private set; }

    /// <summary>The oldest bytes, as many as lie in one piece.</summary>
    public ReadOnlySpan<byte> Oldest => _ring.AsSpan(_start, Math.Min(_count, _ring.Length - _start));

    /// <summary>A copy of all of them.</summary>
    public byte[] ToArray()
    {
        byte[] all = new byte[_count];
        ReadOnlySpan<byte> oldest = Oldest;
        oldest.CopyTo(all);
        _ring.AsSpan(0, _count - oldest.Length).CopyTo(all.AsSpan(oldest.Length));
        return all;
    }

    /// <summary>Forgets the oldest bytes.</summary>
    public void Consume(int count)
    {
        _count -= count;
        _start = _count == 0 ? 0 : (_start + count) % _ring.Length;
    }

    /// <summary>Drops everything; it counts as dropped.</summary>
    public void Clear()
    {
        Dropped += (ulong)_count;
        _start = _count = 0;
    }

    /// <summary>Adds bytes at the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > bound)
        {
            Dropped += (ulong)(bytes.Length - bound);
            bytes = bytes[^bound..];
        }

        int excess = _count + bytes.Length - bound;
        if (excess > 0)
        {
            Dropped += (ulong)excess;
            Consume(excess);
        }

        if (_count + bytes.Length > _ring.Length) Grow(_count + bytes.Length);
        int end = (_start + _count) % _ring.Length;
        int first = Math.Min(bytes.Length, _ring.Length - end);
        bytes[..first].CopyTo(_ring.AsSpan(end));
        bytes[first..].CopyTo(_ring);
        _count += bytes.Length;
    }

    private void Grow(int needed)
    {
        int size = Math.Max(_ring.Length, FirstSize);
        while (size < needed) size *= 2;
        byte[] ring = new byte[Math.Min(size, bound)];
        int first = Math.Min(_count, _ring.Length - _start);
        _ring.AsSpan(_start, first).CopyTo(ring);
        _ring.AsSpan(0, _count - first).CopyTo(ring.AsSpan(first));
        _ring = ring;
        _start = 0;
    }
}
