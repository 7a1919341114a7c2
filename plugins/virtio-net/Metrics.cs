using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>What one pair of queues counts: frames without their virtio headers. Written by the pair's thread, read by the control loop.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _rxBytes = counters.Add("rx_bytes");
    private readonly DeviceCounter _rxFrames = counters.Add("rx_frames");
    private readonly DeviceCounter _txBytes = counters.Add("tx_bytes");
    private readonly DeviceCounter _txFrames = counters.Add("tx_frames");

    /// <summary>Counts frames that the guest got.</summary>
    public void AddReceived(ulong frames, ulong bytes)
    {
        _rxFrames.Add(frames);
        _rxBytes.Add(bytes);
    }

    /// <summary>Counts frames that the guest sent and the host took.</summary>
    public void AddSent(ulong frames, ulong bytes)
    {
        _txFrames.Add(frames);
        _txBytes.Add(bytes);
    }
}
