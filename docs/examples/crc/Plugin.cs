using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Examples.Crc;

/// <summary>A virtio device of one's own: it computes checksums.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request.Id, Config.From(request.Config), host);
}
