using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>What the device counts. Written by its thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _bytes = counters.Add("read_bytes");
    private readonly DeviceCounter _requests = counters.Add("read_ops");

    /// <summary>Counts a request that was answered.</summary>
    public void Add(uint bytes)
    {
        _bytes.Add(bytes);
        _requests.Add(1);
    }
}
