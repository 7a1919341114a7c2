using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>What the device counts. Written by its thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    /// <summary>Pages of 4 KiB that the guest handed over.</summary>
    public DeviceCounter Inflated { get; } = counters.Add("inflated_pages");

    /// <summary>Pages that the guest took back.</summary>
    public DeviceCounter Deflated { get; } = counters.Add("deflated_pages");

    /// <summary>Bytes that the guest reported as free.</summary>
    public DeviceCounter Reported { get; } = counters.Add("reported_bytes");

    /// <summary>Ranges that were given back to the host: system calls, more or less.</summary>
    public DeviceCounter Ranges { get; } = counters.Add("released_ranges");
}
