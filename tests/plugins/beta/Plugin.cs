using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Sample.Private;

namespace Sample.Beta;

/// <summary>A plugin that depends on a private library; its devices tell the library's version by their error.</summary>
[DevicePlugin(Reloadable = true)]
public sealed class Plugin : IDevicePlugin, IConfigValidator
{
    public IDevice Create(DeviceRequest request, IDeviceHost host) => throw new DeviceException(Greeting.Say());

    public string? Validate(JsonElement config, ConfigContext context) => BetaConfig.From(config).Level > 5 ? "too loud" : null;
}

[DeviceConfig("beta", Help = "Test device")]
public sealed partial class BetaConfig
{
    [ConfigMember("level", Max = 9)]
    public int Level { get; init; } = 1;
}
