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
    public static void AddGauges(IDeviceCounters counters, Metrics[] queues)
    {
        counters.AddGauge("read_latency_min", () => Min(queues, false));
        counters.AddGauge("read_latency_max", () => Max(queues, false));
        counters.AddGauge("read_latency_avg", () => Average(queues, false));
        counters.AddGauge("write_latency_min", () => Min(queues, true));
        counters.AddGauge("write_latency_max", () => Max(queues, true));
        counters.AddGauge("write_latency_avg", () => Average(queues, true));
    }

    private static ulong Min(Metrics[] queues, bool writes)
    {
        ulong min = ulong.MaxValue;
        foreach (Metrics queue in queues) min = Math.Min(min, queue.Of(writes).Min);
        return Latency.ToMicroseconds(min);
    }

    private static ulong Max(Metrics[] queues, bool writes)
    {
        ulong max = 0, count = 0;
        foreach (Metrics queue in queues)
        {
            max = Math.Max(max, queue.Of(writes).Max);
            count += queue.Of(writes).Count;
        }

        return count == 0 ? ulong.MaxValue : Latency.ToMicroseconds(max);
    }

    private static ulong Average(Metrics[] queues, bool writes)
    {
        ulong sum = 0, count = 0;
        foreach (Metrics queue in queues)
        {
            sum += queue.Of(writes).Sum;
            count += queue.Of(writes).Count;
        }

        return count == 0 ? ulong.MaxValue : Latency.ToMicroseconds(sum / count);
    }

    private Latency Of(bool writes) => writes ? Writes : Reads;
}
