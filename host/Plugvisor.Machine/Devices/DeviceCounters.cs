using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>The counters of one device: slots are summed by name, gauges are read when asked.</summary>
public sealed class DeviceCounters : IDeviceCounters
{
    private readonly Lock _lock = new();
    private readonly List<(string Name, DeviceCounter Slot)> _slots = [];
    private readonly List<(string Name, Func<ulong> Read)> _gauges = [];

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

    /// <summary>The values now, in the order of their first registration. Control loop only.</summary>
    public IReadOnlyDictionary<string, ulong> Read()
    {
        var values = new Dictionary<string, ulong>();
        lock (_lock)
        {
            foreach ((string name, DeviceCounter slot) in _slots)
            {
                values[name] = values.GetValueOrDefault(name) + slot.Value;
            }

            foreach ((string name, Func<ulong> read) in _gauges) values[name] = read();
        }

        return values;
    }
}
