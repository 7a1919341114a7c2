using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>What the device counts. Written by its thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    /// <summary>Bytes of streams that the guest got.</summary>
    public DeviceCounter ToGuest { get; } = counters.Add("rx_bytes");

    /// <summary>Bytes of streams that the guest sent.</summary>
    public DeviceCounter FromGuest { get; } = counters.Add("tx_bytes");

    /// <summary>Connections that came to be.</summary>
    public DeviceCounter Connected { get; } = counters.Add("connections");

    /// <summary>Connections that were refused: nobody listens, or there are too many.</summary>
    public DeviceCounter Refused { get; } = counters.Add("refused_connections");
}
