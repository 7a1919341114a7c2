using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>A vsock device between a guest's driver and programs of the host, both played by a test.</summary>
internal sealed class VsockRig : IDisposable
{
    public const uint Cid = 3;
    public const uint GuestBuffer = 256 << 10;
    private const int ReceiveBuffer = 4096;
    private const uint LargestPacket = 128 << 10;

    private readonly Dictionary<ushort, ulong> _buffers = [];
    private readonly List<IDisposable> _owned = [];
    private readonly ulong _packet;

    public VsockRig(TimeProvider? clock = null, byte[]? saved = null, int buffers = 100, VsockRig? replaces = null)
    {
        Folder = replaces?.Folder ?? Directory.CreateTempSubdirectory("vsock").FullName;
        Host = new MockDeviceHost(Ram, clock);
        Harness = new DriverHarness(Create(Host, Socket, saved, inherited: (replaces?.Harness.Device as IHandsOver)?.Handover), Host);
        // As the host does: the old one is told, and goes.
        (replaces?.Harness.Device as IHandsOver)?.HandedOver();
        if (replaces is not null) ((IHandsOver)Harness.Device).TookOver();
        replaces?.Harness.Dispose();
        _packet = Ram.Allocate(Packet.Size + (int)LargestPacket);
        Harness.Start();
        for (int i = 0; i < buffers; i++) Post();
        Receive.Kick();
    }

    public string Folder { get; }

    public string Socket => Path.Combine(Folder, "vsock");

    public GuestMemoryMock Ram { get; } = new();

    public MockDeviceHost Host { get; }

    public DriverHarness Harness { get; }

    public MockQueue Receive => Harness.Queues[VsockSpec.ReceiveQueue];

    public MockQueue Transmit => Harness.Queues[VsockSpec.TransmitQueue];

    public MockQueue Events => Harness.Queues[VsockSpec.EventQueue];

    public string Log => string.Join('\n', Host.MockLog.Lines);

    public ulong Open => Host.MockCounters["open_connections"];

    public static IVirtioDevice Create(IDeviceHost host, string socket, byte[]? saved = null, uint cid = Cid, IReadOnlyList<SafeHandle>? inherited = null)
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"cid":{{cid}},"socket":"{{socket}}"}""");
        var request = new DeviceRequest { Id = "_vsock0", Config = config.RootElement.Clone(), SavedState = saved, Inherited = inherited ?? [] };
        return (IVirtioDevice)new Plugin().Create(request, host);
    }

    /// <summary>A packet of the guest.</summary>
    public static Packet NewPacket(ushort operation, uint guestPort, uint hostPort, uint forwarded = 0, uint buffer = GuestBuffer, uint flags = 0) => new()
    {
        SourceCid = Cid, DestinationCid = VsockSpec.HostCid, SourcePort = guestPort, DestinationPort = hostPort, Operation = operation,
        Type = VsockSpec.VIRTIO_VSOCK_TYPE_STREAM, BufferSize = buffer, Forwarded = forwarded, Flags = flags,
    };

    /// <summary>Sends a packet as a driver does: a header, then the data, if any.</summary>
    public void Send(Packet packet, ReadOnlySpan<byte> data = default, uint? length = null)
    {
        packet.Length = length ?? (uint)data.Length;
        MemoryMarshal.Write(Ram.Bytes(_packet, Packet.Size), packet);
        data.CopyTo(Ram.Bytes(_packet + Packet.Size, data.Length));
        if (data.IsEmpty) Transmit.Call(DriverBuffer.Readable(_packet, Packet.Size));
        else Transmit.Call(DriverBuffer.Readable(_packet, Packet.Size), DriverBuffer.Readable(_packet + Packet.Size, (uint)data.Length));
    }

    /// <summary>The next packet for the guest, whose buffer is offered again.</summary>
    public (Packet Header, byte[] Data) Next(bool offerAgain = true)
    {
        UsedChain used = Receive.Collect();
        Assert.True(_buffers.Remove(used.Head, out ulong buffer));
        Packet packet = MemoryMarshal.Read<Packet>(Ram.Bytes(buffer, Packet.Size));
        byte[] data = Ram.Bytes(buffer + Packet.Size, (int)used.Written - Packet.Size).ToArray();
        Assert.Equal(VsockSpec.HostCid, packet.SourceCid);
        Assert.Equal((uint)data.Length, packet.Length);
        if (!offerAgain) return (packet, data);
        Post(buffer);
        Receive.Kick();
        return (packet, data);
    }

    /// <summary>The next packet, which has to be this one.</summary>
    public Packet Expect(ushort operation)
    {
        Packet packet = Next().Header;
        Assert.True(packet.Operation == operation, $"operation {packet.Operation} in place of {operation}; {Log}");
        return packet;
    }

    /// <summary>Takes bytes of the host as a guest with so much room does: one that is asked tells what it has passed on, another by itself after some time.</summary>
    /// <param name="guestPort">The guest's end.</param>
    /// <param name="hostPort">The host's.</param>
    /// <param name="length">How many bytes.</param>
    /// <param name="window">The room.</param>
    /// <param name="forwarded">What was passed on before; at the end, in all.</param>
    public byte[] ReceiveAll(uint guestPort, uint hostPort, int length, uint window, ref uint forwarded)
    {
        var got = new List<byte>();
        uint told = forwarded;
        while (got.Count < length)
        {
            (Packet packet, byte[] data) = Next();
            Assert.True(packet.Operation is VsockSpec.VIRTIO_VSOCK_OP_RW or VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST);
            got.AddRange(data);
            forwarded += (uint)data.Length;
            Assert.InRange(forwarded - told, 0u, window);
            if (packet.Operation != VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST && forwarded - told < window / 2) continue;
            told = forwarded;
            Send(NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, guestPort, hostPort, forwarded, window));
        }

        return [.. got];
    }

    /// <summary>Sends bytes as a guest does, never more than the device has room for.</summary>
    /// <param name="guestPort">The guest's end.</param>
    /// <param name="hostPort">The host's.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="before">What was sent, and passed on, before.</param>
    /// <returns>What the device has told last of what it has passed on.</returns>
    public uint SendAll(uint guestPort, uint hostPort, ReadOnlySpan<byte> data, uint before = 0)
    {
        uint passed = before;
        for (int at = 0; at < data.Length;)
        {
            uint free = Connection.BufferSize - (before + (uint)at - passed);
            Assert.InRange(free, 0u, (uint)Connection.BufferSize);
            int part = (int)Math.Min(Math.Min(free, 9000), (uint)(data.Length - at));
            if (part == 0)
            {
                passed = Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE).Forwarded;
                continue;
            }

            Send(NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, guestPort, hostPort), data.Slice(at, part));
            at += part;
        }

        return passed;
    }

    /// <summary>Offers a buffer for packets: cut in three, as drivers may.</summary>
    public void Post(ulong? again = null)
    {
        ulong buffer = again ?? Ram.Allocate(Packet.Size + ReceiveBuffer);
        ushort head = Receive.Driver.FreeDescriptors < 3 || _buffers.Count % 2 == 0
            ? Receive.Driver.Add(DriverBuffer.Writable(buffer, Packet.Size + ReceiveBuffer))
            : Receive.Driver.Add(DriverBuffer.Writable(buffer, 20), DriverBuffer.Writable(buffer + 20, 1000),
                DriverBuffer.Writable(buffer + 1020, Packet.Size + ReceiveBuffer - 1020));
        _buffers[head] = buffer;
    }

    /// <summary>A program of the host that listens where the guest connects to.</summary>
    public Socket Listen(uint port, int backlog = 16)
    {
        Socket socket = NewSocket();
        socket.Bind(new UnixDomainSocketEndPoint($"{Socket}_{port}"));
        socket.Listen(backlog);
        return socket;
    }

    /// <summary>A program of the host that connects.</summary>
    public Socket Connect()
    {
        Socket socket = NewSocket();
        socket.Connect(new UnixDomainSocketEndPoint(Socket));
        return socket;
    }

    /// <summary>A stream that the guest asked for: the host's end of it.</summary>
    public Socket ConnectFromGuest(uint guestPort, uint hostPort, uint buffer = GuestBuffer)
    {
        using Socket listener = Listen(hostPort);
        Send(NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, guestPort, hostPort, buffer: buffer));
        Socket accepted = Own(listener.Accept());
        Expect(VsockSpec.VIRTIO_VSOCK_OP_RESPONSE);
        File.Delete($"{Socket}_{hostPort}");
        return accepted;
    }

    /// <summary>A stream that a program of the host asked for: its end and the host's port.</summary>
    public (Socket Socket, uint Port) ConnectFromHost(uint guestPort)
    {
        Socket client = Connect();
        client.Send(Encoding.ASCII.GetBytes($"CONNECT {guestPort}\n"));
        Packet request = Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
        Assert.Equal(guestPort, request.DestinationPort);
        Send(NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RESPONSE, guestPort, request.SourcePort));
        Assert.Equal($"OK {request.SourcePort}\n", ReadLine(client));
        return (client, request.SourcePort);
    }

    /// <summary>A line, byte by byte.</summary>
    public static string ReadLine(Socket socket)
    {
        var line = new StringBuilder();
        byte[] one = new byte[1];
        while (socket.Receive(one) == 1)
        {
            line.Append((char)one[0]);
            if (one[0] == '\n') break;
        }

        return line.ToString();
    }

    /// <summary>Exactly so many bytes.</summary>
    public static byte[] Read(Socket socket, int count)
    {
        byte[] data = new byte[count];
        for (int done = 0; done < count;)
        {
            int part = socket.Receive(data.AsSpan(done));
            Assert.True(part > 0, $"the stream ended after {done} of {count} bytes");
            done += part;
        }

        return data;
    }

    public void Dispose()
    {
        Harness.Dispose();
        foreach (IDisposable owned in _owned) owned.Dispose();
        Ram.Dispose();
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
        Assert.Empty(Host.Failures);
    }

    private Socket NewSocket() => Own(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));

    private Socket Own(Socket socket)
    {
        socket.ReceiveTimeout = socket.SendTimeout = 60_000;
        _owned.Add(socket);
        return socket;
    }
}
