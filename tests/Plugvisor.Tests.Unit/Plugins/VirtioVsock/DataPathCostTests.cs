using System.Runtime.InteropServices;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Sockets;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Virtio.Queues;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>Moving bytes allocates nothing. Both directions run on the test's thread, where allocations can be told apart.</summary>
public sealed class DataPathCostTests : IDisposable
{
    private const uint Guest = 1000, Port = 5000, Window = 64 << 10;
    private const int Piece = 4096;

    private readonly string _folder = Directory.CreateTempSubdirectory("vsock").FullName;
    private readonly QueueRig _receive = new(256), _transmit;
    private readonly MockInterrupt _interrupt = new();
    private readonly EventFd _doorbell = new();
    private readonly UnixListener _listener;
    private readonly Muxer _muxer;
    private readonly Worker _worker;
    private readonly QueueResources[] _queues;
    private readonly UnixStream _stream;
    private readonly ulong _packet, _buffer;
    private readonly byte[] _data = new byte[Piece];
    private uint _passed;

    public DataPathCostTests()
    {
        _transmit = new QueueRig(256, ram: _receive.Ram);
        var host = new MockDeviceHost(_receive.Ram);
        string path = Path.Combine(_folder, "vsock");
        _listener = UnixListener.Bind(path);
        _muxer = new Muxer(VsockRig.Cid, path, _listener, host);
        _worker = new Worker("vsock", _muxer, tellsReset: false, host);
        _queues = [Resources(_receive), Resources(_transmit)];
        for (int i = 0; i < _queues.Length; i++) _worker.Starting(i, _queues[i]);
        _packet = _receive.Ram.Allocate(Packet.Size + Piece);
        _buffer = _receive.Ram.Allocate(Packet.Size + Piece);

        using UnixListener program = UnixListener.Bind($"{path}_{Port}");
        Send(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, 0);
        Assert.Equal(0, program.TryAccept(out UnixStream? accepted));
        _stream = accepted!;
        Assert.Equal(VsockSpec.VIRTIO_VSOCK_OP_RESPONSE, Take().Operation);
    }

    [Fact]
    public void Bytes_of_the_guest_cost_nothing() => Measure(() =>
    {
        Send(VsockSpec.VIRTIO_VSOCK_OP_RW, Piece);
        if (_stream.TryReceive(_data) != Piece) throw new InvalidOperationException("the host got too little");
        while (TryTake(out _)) { }   // how much may be sent
    });

    [Fact]
    public void Bytes_of_the_host_cost_nothing() => Measure(() =>
    {
        if (_stream.TrySend(_data) != Piece) throw new InvalidOperationException("the host is not rid of its bytes");
        uint length = Take().Length;
        if (length != Piece) throw new InvalidOperationException($"the guest got {length} bytes");
        _passed += Piece;
        Send(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    });

    public void Dispose()
    {
        _stream.Dispose();
        _worker.Dispose();
        _muxer.Dispose();
        _listener.Dispose();
        _doorbell.Dispose();
        _interrupt.Dispose();
        _receive.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void Measure(Action round)
    {
        for (int i = 0; i < 50; i++) round();
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 300; i++) round();
        }));
    }

    private QueueResources Resources(QueueRig rig) => new() { Queue = rig.Device, Doorbell = _doorbell, Interrupt = _interrupt };

    private void Send(ushort operation, uint length)
    {
        Packet packet = VsockRig.NewPacket(operation, Guest, Port, _passed, Window);
        packet.Length = length;
        MemoryMarshal.Write(_receive.Ram.Bytes(_packet, Packet.Size), packet);
        _transmit.Driver.Add(DriverBuffer.Readable(_packet, Packet.Size), DriverBuffer.Readable(_packet + Packet.Size, length));
        _transmit.Driver.Kick();
        while (_worker.Serve(VsockSpec.TransmitQueue, _queues[VsockSpec.TransmitQueue]) == ServeResult.More) { }
        if (!_transmit.Driver.TryCollect(out _)) throw new InvalidOperationException("the packet was not taken");
    }

    private Packet Take() => TryTake(out Packet packet) ? packet : throw new InvalidOperationException("no packet came");

    private bool TryTake(out Packet packet)
    {
        packet = default;
        if (_receive.Driver.InFlight == 0) _receive.Driver.Add(DriverBuffer.Writable(_buffer, Packet.Size + Piece));
        _receive.Driver.Kick();
        while (_worker.Serve(VsockSpec.ReceiveQueue, _queues[VsockSpec.ReceiveQueue]) == ServeResult.More) { }
        if (!_receive.Driver.TryCollect(out _)) return false;
        packet = MemoryMarshal.Read<Packet>(_receive.Ram.Bytes(_buffer, Packet.Size));
        return true;
    }
}
