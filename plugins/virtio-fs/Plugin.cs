using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioFs;

/// <summary>
/// Shared directories (virtio 1.2 section 5.11): served by a vhost-user daemon (<c>socket</c>), or by the plugin itself (<c>shared_dir</c>).
/// </summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin, IConfigValidator, IPatientPlugin
{
    /// <inheritdoc/>
    public string? Validate(JsonElement config, ConfigContext context) => Config.From(config).Problem();

    /// <inheritdoc/>
    public TimeSpan PatienceFor(DeviceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Config.From(request.Config).Socket is null ? TimeSpan.Zero : Daemon.Device.ConnectPatience(request);
    }

    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(host);
        Config config = Config.From(request.Config);
        return config.Socket is { } socket ? Daemon.Device.Open(request, config, socket, host) : Embedded.Device.Open(request, config, host);
    }
}
