using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>The console device (virtio 1.2 section 5.3): the guest's hvc0.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request, Config.From(request.Config), host);
}
