using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Pmem;

/// <summary>Persistent memory: files that the guest has in its address space (virtio 1.2 section 5.19).</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(host);
        return new Device(request, Config.From(request.Config), host);
    }
}
