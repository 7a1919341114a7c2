using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>What the console counts: bytes to and from the guest, and output that nobody took.</summary>
internal sealed class Metrics
{
    /// <summary>Registers the counters.</summary>
    /// <param name="counters">The device's counters.</param>
    /// <param name="backend">Counts what it drops.</param>
    /// <param name="dropped">What was dropped before it was there.</param>
    public Metrics(IDeviceCounters counters, ICharacterBackend backend, ulong dropped)
    {
        ToGuest = counters.Add("rx_bytes");
        FromGuest = counters.Add("tx_bytes");
        counters.AddGauge("tx_dropped_bytes", () => dropped + backend.DroppedBytes);
    }

    /// <summary>Added to by the input thread.</summary>
    public DeviceCounter ToGuest { get; }

    /// <summary>Added to by the output thread.</summary>
    public DeviceCounter FromGuest { get; }
}
