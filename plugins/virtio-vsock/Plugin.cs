using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>The socket device (virtio 1.2 section 5.10): streams between programs of the guest and Unix sockets of the host.</summary>
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
        Config config = Config.From(request.Config);
        if (config.Problem() is { } problem) throw new ConfigException(problem);
        return new Device(request, config, host);
    }
}
