using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioFs.Daemon;

/// <summary>A directory that a vhost-user daemon serves.</summary>
internal static class Device
{
    /// <summary>Connects to the daemon and makes the device.</summary>
    /// <exception cref="DeviceException">It cannot be made.</exception>
    public static IDevice Open(DeviceRequest request, Config config, string socket, IDeviceHost host)
    {
        _ = (config, host);
        throw new DeviceException($"shared directory {request.Id}: the daemon at {socket} cannot be used, as vhost-user is not there yet; give shared_dir= in place of socket=");
    }
}
