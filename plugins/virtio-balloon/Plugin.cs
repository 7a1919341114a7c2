using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>The memory balloon (virtio 1.2 section 5.5).</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin, IConfigValidator, IMemoryBalloonPlugin
{
    /// <inheritdoc/>
    public string SizeMember => Config.SizeMember;

    /// <inheritdoc/>
    public string? Validate(JsonElement config, ConfigContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Config.From(config).Problem(context.MemorySize);
    }

    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(host);
        return new Device(request, Config.From(request.Config), host);
    }
}
