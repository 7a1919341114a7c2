using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Examples.Edu;

/// <summary>A PCI device that is not virtio: registers behind a BAR, an MSI-X interrupt, and reads and writes of guest memory by itself.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request, Config.From(request.Config), host);
}
