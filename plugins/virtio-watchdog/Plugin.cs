using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>A watchdog on a virtqueue (device type 35). The protocol is Cloud Hypervisor's; virtio 1.2 reserves the type and defines none.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request, host);
}
