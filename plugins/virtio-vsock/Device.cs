using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>The device: three queues with one thread, the guest's address as its config space, and a listening socket of the host.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IHandsOver
{
    /// <summary>What a <see cref="SocketFile"/> hands over; the connections' sockets follow.</summary>
    private const int SocketHandles = 2;

    private readonly uint _cid;
    private readonly SocketFile _socket;
    private readonly Muxer _muxer;
    private readonly Worker _worker;

    /// <summary>Listens at the host's socket.</summary>
    /// <exception cref="DeviceException">It cannot be made, or belongs to another.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        _cid = config.Cid;
        try
        {
            _socket = request.Inherited.Count >= SocketHandles
                ? SocketFile.Inherit(config.Socket, request.Inherited)
                : SocketFile.TryListen(config.Socket)
                ?? throw new DeviceException($"vsock device {request.Id}: {config.Socket} is in use by another VM; give another with --vsock socket=");
        }
        catch (LinuxException e)
        {
            throw new DeviceException($"vsock device {request.Id}: cannot listen for the host's connections", e);
        }

        bool tellsReset;
        try
        {
            _muxer = new Muxer(config.Cid, config.Socket, _socket.Listener, host);
        }
        catch (LinuxException e)
        {
            _socket.Dispose();
            throw new DeviceException($"vsock device {request.Id}: cannot wait for connections", e);
        }

        try
        {
            tellsReset = State.Restore(request, _muxer, SocketHandles);
        }
        catch (Exception e) when (e is LinuxException or DeviceException)
        {
            _muxer.Dispose();
            _socket.Dispose();
            if (e is DeviceException) throw;
            throw new DeviceException($"vsock device {request.Id}: cannot go on with the connections of the instance before", e);
        }

        _worker = new Worker(request.Id, _muxer, tellsReset, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = VsockSpec.VIRTIO_ID_VSOCK,
        // Each buffer is used before the next one is taken.
        Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_IN_ORDER),
        QueueSizes = [VsockSpec.QueueSize, VsockSpec.QueueSize, VsockSpec.QueueSize],
        ConfigLength = sizeof(ulong),
    };

    /// <summary>struct virtio_vsock_config (section 5.10.4): the guest's address.</summary>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> space = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(space, _cid);
        space.Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <summary>Nothing is writable.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) { }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _worker.Start(index, resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _worker.Stop(index);

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _worker.TryStop(index, patience, out state);

    /// <summary>The guest's driver starts anew, without connections.</summary>
    public void Reset() => _muxer.Reset();

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save() => State.Save(_muxer, _worker.TellsReset);

    /// <inheritdoc/>
    public IReadOnlyList<SafeHandle> Handover
    {
        get
        {
            var handles = new List<SafeHandle>(_socket.Handover);
            _muxer.AddStreams(handles);
            return handles;
        }
    }

    /// <inheritdoc/>
    public void HandedOver() => _socket.KeepFiles();

    /// <inheritdoc/>
    public void TookOver() => _socket.OwnFiles();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The thread first: it uses the rest.
        _worker.Dispose();
        _muxer.Dispose();
        _socket.Dispose();
    }
}
