using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Sample.Misbehaving;

/// <summary>A plugin whose devices do the wrong thing in the callback that they are told.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin, IConfigValidator
{
    public string? Validate(JsonElement config, ConfigContext context)
    {
        Fault.Of(Config.From(config)).At("Validate");
        return null;
    }

    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        Config config = Config.From(request.Config);
        Fault fault = Fault.Of(config);
        fault.At("Create");
        return config.Door == Door.Virtio ? new VirtioDevice(fault, host) : new PciDevice(fault, host);
    }
}
