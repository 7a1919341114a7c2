using Plugvisor.Abstractions.Devices;
using Plugvisor.VhostUser.Devices;

namespace Plugvisor.Plugins.VirtioFs.Daemon;

/// <summary>
/// A directory that a vhost-user daemon serves. Tag and number of request queues are the VMM's (virtio 1.2 section 5.11.4); all else is the daemon's.
/// </summary>
internal sealed class Device : VhostUserDevice
{
    // Both are often started at the same time, and a daemon again after each reboot of the guest; but nobody else is answered while a device is added.
    private static readonly TimeSpan s_bootPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_hotPlugPatience = TimeSpan.FromSeconds(5);

    private readonly byte[] _config;

    private Device(DeviceRequest request, Config config, string socket, IDeviceHost host) : base(request, Options(request, config, socket), host) =>
        _config = FsSpec.ConfigSpace(config);

    /// <summary>How long the daemon may take to be there.</summary>
    public static TimeSpan ConnectPatience(DeviceRequest request) => request.IsHotPlug ? s_hotPlugPatience : s_bootPatience;

    /// <summary>Connects to the daemon and makes the device.</summary>
    /// <exception cref="DeviceException">It cannot be made.</exception>
    public static IDevice Open(DeviceRequest request, Config config, string socket, IDeviceHost host) => new Device(request, config, socket, host);

    /// <inheritdoc/>
    public override void ReadConfig(int offset, Span<byte> destination) => _config.AsSpan(offset, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public override void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        // Nothing is writable (5.11.4).
    }

    private static VhostUserOptions Options(DeviceRequest request, Config config, string socket) => new()
    {
        SocketPath = socket,
        DeviceType = FsSpec.DeviceType,
        QueueSizes = FsSpec.QueueSizes(config),
        ConfigLength = FsSpec.ConfigLength,
        ConnectPatience = ConnectPatience(request),
        Advice = $"start the daemon (virtiofsd --socket-path={socket} -o source=DIRECTORY), or give shared_dir= in place of socket=",
    };
}
