using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioFs.Embedded;

/// <summary>A directory that the plugin serves itself.</summary>
internal static class Device
{
    /// <summary>Opens the directory and makes the device.</summary>
    /// <exception cref="DeviceException">It cannot be made.</exception>
    public static IDevice Open(DeviceRequest request, Config config, IDeviceHost host)
    {
        _ = (config, host);
        throw new DeviceException($"shared directory {request.Id}: {config.SharedDirectory} cannot be shared: the server is not there yet");
    }
}
