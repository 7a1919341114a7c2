using System.Collections.Concurrent;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Control.Events;

/// <summary>
/// Publishes what drivers do with their devices as <c>virtio-device</c> events. A driver that resets its device without end makes a bounded number
/// of events: see <see cref="DeviceTransitions"/>.
/// </summary>
internal sealed class DeviceEvents(EventHub hub, TimeProvider clock) : IDeviceListener, IDisposable
{
    // By id and over the resets of the machine: a guest that reboots in a loop is bounded as well.
    private readonly ConcurrentDictionary<string, DeviceTransitions> _devices = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void OnActivated(string id) => Tell(id, "activated");

    /// <inheritdoc/>
    public void OnReset(string id) => Tell(id, "reset");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DeviceTransitions transitions in _devices.Values) transitions.Dispose();
    }

    private void Tell(string id, string what)
    {
        if (!hub.HasSubscribers) return;
        if (!_devices.TryGetValue(id, out DeviceTransitions? transitions))
            transitions = _devices.GetOrAdd(id, new DeviceTransitions(id, hub, clock));
        transitions.Add(what);
    }
}
