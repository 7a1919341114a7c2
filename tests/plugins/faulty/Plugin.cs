using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Sample.Faulty;

/// <summary>A plugin whose entry can not be made.</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    public Plugin() => throw new InvalidOperationException("no firmware");

    public IDevice Create(DeviceRequest request, IDeviceHost host) => throw new NotSupportedException();
}

[DeviceConfig("faulty")]
public sealed partial class FaultyConfig;
