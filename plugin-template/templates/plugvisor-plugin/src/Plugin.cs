using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace MyDevice;

/// <summary>The plugin's entry: makes devices, and holds no state of them.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host) => new Device(request.Id, Config.From(request.Config), host);
}
