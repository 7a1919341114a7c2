using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Pmem;

/// <summary>What the device counts. Written by its thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _flushes = counters.Add("flush_ops");
    private readonly DeviceCounter _syncs = counters.Add("sync_ops");

    /// <summary>Counts requests that one look at the file answered.</summary>
    public void Add(int flushes)
    {
        _flushes.Add((ulong)flushes);
        _syncs.Add(1);
    }
}
