using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>What the device counts. Written by its thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _pings = counters.Add("pings");

    /// <summary>Counts a ping.</summary>
    public void AddPing() => _pings.Add(1);
}
