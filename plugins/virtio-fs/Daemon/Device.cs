using Plugvisor.Abstractions.Devices;
using Plugvisor.VhostUser.Devices;

namespace Plugvisor.Plugins.VirtioFs.Daemon;

/// <summary>
/// A directory that a vhost-user daemon serves. Tag and number of request queues are the VMM's (virtio 1.2 section 5.11.4); all else is the daemon's.
/// </summary>
internal sealed class Device : VhostUserDevice
{
    private readonly byte[] _config;

    private Device(DeviceRequest request, Config config, string socket, IDeviceHost host) : base(request, Options(config, socket), host) =>
        _config = FsSpec.ConfigSpace(config);

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

    private static VhostUserOptions Options(Config config, string socket) => new()
    {
        SocketPath = socket,
        DeviceType = FsSpec.DeviceType,
        QueueSizes = FsSpec.QueueSizes(config),
        ConfigLength = FsSpec.ConfigLength,
        Advice = $"start the daemon (virtiofsd --socket-path={socket} -o source=DIRECTORY), or give shared_dir= in place of socket=",
    };
}
