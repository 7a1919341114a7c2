using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Pvpanic;

/// <summary>The PCI variant of pvpanic, the device by which a guest's kernel says that it panicked (docs/specs/pvpanic of QEMU).</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request, host);
}
