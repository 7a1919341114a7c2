using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>The counters of one device: slots are summed by name, gauges are read when asked.</summary>
public sealed class DeviceCounters : IDeviceCounters
{
    private readonly Lock _lock = new();
    private readonly List<(string Name, DeviceCounter Slot)> _slots = [];
    private readonly List<(string Name, Func<ulong> Read)> _gauges = [];
    private Dictionary<string, ulong>? _carried;

    /// <inheritdoc/>
    public DeviceCounter Add(string name)
    {
        var slot = new DeviceCounter();
        lock (_lock) _slots.Add((name, slot));
        return slot;
    }

    /// <inheritdoc/>
    public void AddGauge(string name, Func<ulong> read)
    {
        lock (_lock)
        {
            _gauges.RemoveAll(gauge => gauge.Name == name);
            _gauges.Add((name, read));
        }
    }

    /// <summary>Goes on from what an earlier instance of the device counted, which counts no more.</summary>
    internal void Continue(DeviceCounters earlier)
    {
        var carried = new Dictionary<string, ulong>();
        lock (earlier._lock) earlier.Sum(carried);
        lock (_lock) _carried = carried;
    }

    /// <summary>The values now, in the order of their first registration. Control loop only.</summary>
    public IReadOnlyDictionary<string, ulong> Read()
    {
        var values = new Dictionary<string, ulong>();
        lock (_lock)
        {
            Sum(values);
            foreach ((string name, Func<ulong> read) in _gauges) values[name] = read();
        }

        return values;
    }

    /// <summary>Under the lock.</summary>
    private void Sum(Dictionary<string, ulong> values)
    {
        foreach ((string name, DeviceCounter slot) in _slots)
        {
            if (!values.TryGetValue(name, out ulong value)) value = _carried?.GetValueOrDefault(name) ?? 0;
            values[name] = value + slot.Value;
        }
    }
}
