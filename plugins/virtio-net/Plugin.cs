using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>Network devices: a tap interface of the host as a virtio network device (virtio 1.2 section 5.1).</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin, IConfigValidator
{
    /// <inheritdoc/>
    public string? Validate(JsonElement config, ConfigContext context) => Config.From(config).Problem();

    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(host);
        return Device.Open(request, host);
    }
}
