using System.Collections.Concurrent;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Testing.Devices;

/// <summary>Counters that a test can read.</summary>
public sealed class MockDeviceCounters : IDeviceCounters
{
    private readonly ConcurrentDictionary<string, List<DeviceCounter>> _slots = new();
    private readonly ConcurrentDictionary<string, Func<ulong>> _gauges = new();

    /// <summary>The sum of a counter's slots, or a gauge's value.</summary>
    /// <exception cref="KeyNotFoundException">The device has registered neither.</exception>
    public ulong this[string name]
    {
        get
        {
            if (_gauges.TryGetValue(name, out Func<ulong>? read)) return read();
            ulong sum = 0;
            List<DeviceCounter> slots = _slots[name];
            lock (slots) slots.ForEach(slot => sum += slot.Value);
            return sum;
        }
    }

    /// <inheritdoc/>
    public DeviceCounter Add(string name)
    {
        var slot = new DeviceCounter();
        List<DeviceCounter> slots = _slots.GetOrAdd(name, _ => []);
        lock (slots) slots.Add(slot);
        return slot;
    }

    /// <inheritdoc/>
    public void AddGauge(string name, Func<ulong> read) => _gauges[name] = read;
}
