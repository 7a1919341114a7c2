using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Ivshmem;

/// <summary>Memory that a guest shares with other guests or with programs of the host: the plain variant of ivshmem (docs/specs/ivshmem-spec of QEMU).</summary>
[DevicePlugin]
public sealed class Plugin : IDevicePlugin
{
    /// <inheritdoc/>
    public IDevice Create(DeviceRequest request, IDeviceHost host)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(host);
        return new Device(request.Id, Config.From(request.Config), host.Log);
    }
}
