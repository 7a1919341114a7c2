namespace Plugvisor.Machine.Buses;

/// <summary>
/// The port or the MMIO address space. Look-ups run on vCPU threads without a lock, on an immutable sorted table;
/// changes replace the table and are serialised by a lock.
/// </summary>
public sealed class Bus
{
    private readonly Lock _change = new();
    private Table _table = new(0);

    /// <summary>Puts a device at a range.</summary>
    /// <returns>False when the range is empty, wraps, or overlaps another; nothing changes then.</returns>
    public bool TryAdd(ulong start, ulong length, IBusDevice device)
    {
        lock (_change)
        {
            Table now = _table;
            ulong last = start + (length - 1);
            if (length == 0 || last < start) return false;
            int at = 0;
            while (at < now.Count && now.Starts[at] < start) at++;
            if (at > 0 && now.Lasts[at - 1] >= start) return false;
            if (at < now.Count && now.Starts[at] <= last) return false;

            var next = new Table(now.Count + 1);
            now.CopyTo(next, 0, 0, at);
            next.Starts[at] = start;
            next.Lasts[at] = last;
            next.Devices[at] = device;
            now.CopyTo(next, at, at + 1, now.Count - at);
            Volatile.Write(ref _table, next);
            return true;
        }
    }

    /// <summary>Takes away the range that starts at <paramref name="start"/>.</summary>
    /// <returns>False when no range starts there.</returns>
    public bool Remove(ulong start)
    {
        lock (_change)
        {
            Table now = _table;
            int at = now.Find(start);
            if (at < 0 || now.Starts[at] != start) return false;
            var next = new Table(now.Count - 1);
            now.CopyTo(next, 0, 0, at);
            now.CopyTo(next, at + 1, at, next.Count - at);
            Volatile.Write(ref _table, next);
            return true;
        }
    }

    /// <summary>The start of the lowest range that overlaps <paramref name="length"/> bytes (not 0, and no wrap) at <paramref name="address"/>, or null when they are free.</summary>
    public ulong? FirstBetween(ulong address, ulong length)
    {
        Table table = Volatile.Read(ref _table);
        ulong last = address + (length - 1);
        for (int i = 0; i < table.Count; i++)
        {
            if (table.Lasts[i] >= address) return table.Starts[i] <= last ? table.Starts[i] : null;
        }

        return null;
    }

    /// <summary>Serves a guest read; what nobody answers reads as all ones.</summary>
    /// <returns>Whether a device was there.</returns>
    public bool Read(ulong address, Span<byte> data)
    {
        for (int i = 0; i < data.Length; i++) data[i] = 0xff;   // Span.Fill would be compiled at run time, when the VM starts
        Table table = Volatile.Read(ref _table);
        int at = table.Find(address);
        if (at < 0) return false;
        table.Devices[at].Read(address - table.Starts[at], data);
        return true;
    }

    /// <summary>Serves a guest write; what nobody answers is dropped.</summary>
    /// <returns>Whether a device was there.</returns>
    public bool Write(ulong address, ReadOnlySpan<byte> data)
    {
        Table table = Volatile.Read(ref _table);
        int at = table.Find(address);
        if (at < 0) return false;
        table.Devices[at].Write(address - table.Starts[at], data);
        return true;
    }

    /// <summary>
    /// The ranges, ascending, as columns: arrays of primitives and references need no code that is compiled only at run time.
    /// </summary>
    private sealed class Table(int count)
    {
        public readonly int Count = count;
        public readonly ulong[] Starts = new ulong[count];
        public readonly ulong[] Lasts = new ulong[count];
        public readonly IBusDevice[] Devices = new IBusDevice[count];

        public void CopyTo(Table other, int from, int to, int length)
        {
            Array.Copy(Starts, from, other.Starts, to, length);
            Array.Copy(Lasts, from, other.Lasts, to, length);
            Array.Copy(Devices, from, other.Devices, to, length);
        }

        public int Find(ulong address)
        {
            ulong[] starts = Starts;
            int low = 0, high = starts.Length - 1;
            while (low <= high)
            {
                int middle = (low + high) >>> 1;
                if (address < starts[middle]) high = middle - 1;
                else if (address > Lasts[middle]) low = middle + 1;
                else return middle;
            }

            return -1;
        }
    }
}
