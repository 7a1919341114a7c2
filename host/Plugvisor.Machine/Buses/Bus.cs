namespace Plugvisor.Machine.Buses;

/// <summary>
/// The port or the MMIO address space. Look-ups run on vCPU threads without a lock, on an immutable sorted array;
/// changes replace the array and are serialised by a lock.
/// </summary>
public sealed class Bus
{
    private readonly Lock _change = new();
    private Range[] _ranges = [];

    /// <summary>Puts a device at a range.</summary>
    /// <returns>False when the range is empty, wraps, or overlaps another; nothing changes then.</returns>
    public bool TryAdd(ulong start, ulong length, IBusDevice device)
    {
        lock (_change)
        {
            Range[] now = _ranges;
            if (length == 0 || start + (length - 1) < start) return false;
            int at = 0;
            while (at < now.Length && now[at].Start < start) at++;
            if (at > 0 && now[at - 1].Last >= start) return false;
            if (at < now.Length && now[at].Start <= start + (length - 1)) return false;
            Volatile.Write(ref _ranges, [.. now[..at], new Range(start, start + (length - 1), device), .. now[at..]]);
            return true;
        }
    }

    /// <summary>Takes away the range that starts at <paramref name="start"/>.</summary>
    /// <returns>False when no range starts there.</returns>
    public bool Remove(ulong start)
    {
        lock (_change)
        {
            Range[] now = _ranges;
            int at = Array.FindIndex(now, r => r.Start == start);
            if (at < 0) return false;
            Volatile.Write(ref _ranges, [.. now[..at], .. now[(at + 1)..]]);
            return true;
        }
    }

    /// <summary>Serves a guest read; what nobody answers reads as all ones.</summary>
    /// <returns>Whether a device was there.</returns>
    public bool Read(ulong address, Span<byte> data)
    {
        data.Fill(0xff);
        if (!TryFind(address, out Range range)) return false;
        range.Device.Read(address - range.Start, data);
        return true;
    }

    /// <summary>Serves a guest write; what nobody answers is dropped.</summary>
    /// <returns>Whether a device was there.</returns>
    public bool Write(ulong address, ReadOnlySpan<byte> data)
    {
        if (!TryFind(address, out Range range)) return false;
        range.Device.Write(address - range.Start, data);
        return true;
    }

    private bool TryFind(ulong address, out Range found)
    {
        Range[] ranges = Volatile.Read(ref _ranges);
        int low = 0, high = ranges.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            ref readonly Range range = ref ranges[middle];
            if (address < range.Start) high = middle - 1;
            else if (address > range.Last) low = middle + 1;
            else
            {
                found = range;
                return true;
            }
        }

        found = default;
        return false;
    }

    private readonly record struct Range(ulong Start, ulong Last, IBusDevice Device);
}
