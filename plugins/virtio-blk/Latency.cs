using System.Diagnostics;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Latencies of one kind of request on one queue. One thread adds, any reads; a reader may see a sum that is one request newer than the count.</summary>
internal sealed class Latency
{
    private ulong _min = ulong.MaxValue;
    private ulong _max, _sum, _count;

    /// <summary>What was added so far.</summary>
    public LatencyTotals Totals => new(Volatile.Read(ref _min), Volatile.Read(ref _max), Volatile.Read(ref _sum), Volatile.Read(ref _count));

    /// <summary>Adds one; only the queue's thread.</summary>
    public void Add(long ticks)
    {
        ulong value = (ulong)Math.Max(0, ticks);
        if (value < _min) Volatile.Write(ref _min, value);
        if (value > _max) Volatile.Write(ref _max, value);
        Volatile.Write(ref _sum, _sum + value);
        Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>Stopwatch ticks as microseconds; "none yet" stays as it is.</summary>
    public static ulong ToMicroseconds(ulong ticks) =>
        ticks == ulong.MaxValue ? ticks : (ulong)((UInt128)ticks * 1_000_000 / (ulong)Stopwatch.Frequency);
}
