using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>The counters of one device: slots are summed by name, gauges are read when asked.</summary>
public sealed class DeviceCounters : IDeviceCounters
{
    private readonly Lock _lock = new();
    private readonly List<(string Name, DeviceCounter Slot)> _slots = [];
    private readonly List<(string Name, Func<ulong> Read)> _gauges = [];
    private Dictionary<string, ulong>? _carried;

    /// <summary>Whether reading them runs code of the device.</summary>
    public bool IsComputed
    {
        get
        {
            lock (_lock) return _gauges.Count > 0;
        }
    }

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

    /// <summary>
    /// The values now, in the order of their first registration. Runs the device's code where <see cref="IsComputed"/>, and throws what that throws.
    /// </summary>
    /// <param name="reading">Hears which computed value is read next, by its name.</param>
    public IReadOnlyDictionary<string, ulong> Read(Action<string>? reading = null)
    {
        var values = new Dictionary<string, ulong>();
        (string Name, Func<ulong> Read)[] gauges;
        lock (_lock)
        {
            Sum(values);
            gauges = [.. _gauges];
        }

        // Not under the lock: what never returns must not take others with it.
        foreach ((string name, Func<ulong> read) in gauges)
        {
            reading?.Invoke(name);
            values[name] = read();
        }

        return values;
    }

    /// <summary>Computed values are not read any more: one of them did not work.</summary>
    public void DropComputed()
    {
        lock (_lock) _gauges.Clear();
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
