using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>What one queue counts. Written by the queue's thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _readBytes = counters.Add("read_bytes");
    private readonly DeviceCounter _readOps = counters.Add("read_ops");
    private readonly DeviceCounter _writeBytes = counters.Add("write_bytes");
    private readonly DeviceCounter _writeOps = counters.Add("write_ops");

    /// <summary>Latency of reads.</summary>
    public Latency Reads { get; } = new();

    /// <summary>Latency of writes.</summary>
    public Latency Writes { get; } = new();

    /// <summary>Counts a read that succeeded.</summary>
    public void AddRead(uint bytes, long ticks)
    {
        _readBytes.Add(bytes);
        _readOps.Add(1);
        Reads.Add(ticks);
    }

    /// <summary>Counts a write that succeeded.</summary>
    public void AddWrite(uint bytes, long ticks)
    {
        _writeBytes.Add(bytes);
        _writeOps.Add(1);
        Writes.Add(ticks);
    }

    /// <summary>Registers the latencies of all queues together.</summary>
    /// <param name="counters">The device's counters.</param>
    /// <param name="queues">The queues.</param>
    /// <param name="before">What an earlier instance of the disk has counted.</param>
    public static void AddGauges(IDeviceCounters counters, Metrics[] queues, State before)
    {
        counters.AddGauge("read_latency_min", () => Latency.ToMicroseconds(ReadsOf(queues, before).Min));
        counters.AddGauge("read_latency_max", () => Max(ReadsOf(queues, before)));
        counters.AddGauge("read_latency_avg", () => Average(ReadsOf(queues, before)));
        counters.AddGauge("write_latency_min", () => Latency.ToMicroseconds(WritesOf(queues, before).Min));
        counters.AddGauge("write_latency_max", () => Max(WritesOf(queues, before)));
        counters.AddGauge("write_latency_avg", () => Average(WritesOf(queues, before)));
    }

    /// <summary>Reads of all queues, and before.</summary>
    public static LatencyTotals ReadsOf(Metrics[] queues, State before)
    {
        LatencyTotals all = before.Reads;
        foreach (Metrics queue in queues) all = all.With(queue.Reads.Totals);
        return all;
    }

    /// <summary>Writes of all queues, and before.</summary>
    public static LatencyTotals WritesOf(Metrics[] queues, State before)
    {
        LatencyTotals all = before.Writes;
        foreach (Metrics queue in queues) all = all.With(queue.Writes.Totals);
        return all;
    }

    private static ulong Max(LatencyTotals all) => all.Count == 0 ? ulong.MaxValue : Latency.ToMicroseconds(all.Max);

    private static ulong Average(LatencyTotals all) => all.Count == 0 ? ulong.MaxValue : Latency.ToMicroseconds(all.Sum / all.Count);
}
