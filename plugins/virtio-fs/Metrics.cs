using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioFs;

/// <summary>What one queue of a device counts, written by its thread.</summary>
internal sealed class Metrics(IDeviceCounters counters)
{
    private readonly DeviceCounter _requests = counters.Add("requests");
    private readonly DeviceCounter _readBytes = counters.Add("read_bytes");
    private readonly DeviceCounter _readOps = counters.Add("read_ops");
    private readonly DeviceCounter _writeBytes = counters.Add("write_bytes");
    private readonly DeviceCounter _writeOps = counters.Add("write_ops");

    /// <summary>Counts a request of any kind.</summary>
    public void CountRequest() => _requests.Add(1);

    /// <summary>Counts bytes that the guest got.</summary>
    public void CountRead(ulong bytes)
    {
        _readBytes.Add(bytes);
        _readOps.Add(1);
    }

    /// <summary>Counts bytes that the guest gave.</summary>
    public void CountWrite(ulong bytes)
    {
        _writeBytes.Add(bytes);
        _writeOps.Add(1);
    }
}
