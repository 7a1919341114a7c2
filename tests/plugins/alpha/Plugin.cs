using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Sample.Private;

namespace Sample.Alpha;

/// <summary>A plugin that depends on a private library; its devices tell the library's version by their error.</summary>
[DevicePlugin(Reloadable = true)]
public sealed class Plugin : IDevicePlugin, IConfigValidator
{
    public IDevice Create(DeviceRequest request, IDeviceHost host) => throw new DeviceException(Greeting.Say());

    public string? Validate(JsonElement config, ConfigContext context) => AlphaConfig.From(config).Level > 5 ? "too loud" : null;
}

[DeviceConfig("alpha", Help = "Test device")]
public sealed partial class AlphaConfig
{
    [ConfigMember("level", Max = 9)]
    public int Level { get; init; } = 1;
}
