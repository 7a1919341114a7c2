using Plugvisor.Abstractions.Devices;
using Plugvisor.VhostUser.Devices;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>A device of no type in particular.</summary>
internal sealed class PlainDevice(DeviceRequest request, VhostUserOptions options, IDeviceHost host) : VhostUserDevice(request, options, host)
{
    public PlainDevice(string id, VhostUserOptions options, IDeviceHost host) : this(new DeviceRequest { Id = id, Config = default }, options, host) { }

    public static VhostUserOptions Options(string path) => new()
    {
        SocketPath = path,
        DeviceType = 26,
        QueueSizes = [64, 64],
        ConnectPatience = TimeSpan.FromSeconds(30),
        RetryPause = TimeSpan.FromMilliseconds(20),
    };
}
