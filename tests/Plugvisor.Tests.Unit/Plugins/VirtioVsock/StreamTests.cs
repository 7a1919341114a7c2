using System.Net.Sockets;
using Plugvisor.Plugins.VirtioVsock;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

public sealed class StreamTests
{
    private const uint Guest = 1000, Port = 5000;

    [Fact]
    public void Bytes_of_the_host_arrive_whole_and_in_order_within_the_guests_credit()
    {
        const int Length = 1_000_000;
        using var rig = new VsockRig();
        const uint Window = 10_000;
        Socket host = rig.ConnectFromGuest(Guest, Port, Window);
        byte[] sent = RandomBytes(Length, 1);
        var sender = new Thread(() => SendAll(host, sent));
        sender.Start();
        uint forwarded = 0;
        byte[] got = rig.ReceiveAll(Guest, Port, Length, Window, ref forwarded);
        sender.Join();
        Assert.Equal(sent, got);
    }

    [Fact]
    public void Bytes_of_the_guest_arrive_whole_and_in_order_within_the_devices_credit()
    {
        const int Length = 2_000_000;
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        byte[] sent = RandomBytes(Length, 2);
        byte[] got = [];
        var reader = new Thread(() => got = VsockRig.Read(host, Length));
        reader.Start();
        rig.SendAll(Guest, Port, sent);
        reader.Join();
        Assert.Equal(sent, got);
    }

    [Fact]
    public void A_guest_that_asks_is_told_the_devices_credit()
    {
        using var rig = new VsockRig();
        rig.ConnectFromGuest(Guest, Port);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), new byte[100]);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST, Guest, Port));
        Packet update = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        Assert.Equal(((uint)Connection.BufferSize, 100u), (update.BufferSize, update.Forwarded));
    }

    [Fact]
    public void Hostile_32_the_hosts_end_is_told_behind_its_last_byte_and_the_guest_may_go_on()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        host.Send("last"u8);
        host.Shutdown(SocketShutdown.Send);
        Assert.Equal("last"u8, rig.Next().Data);
        Assert.Equal(VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN).Flags);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), "answer"u8);
        Assert.Equal("answer"u8, VsockRig.Read(host, 6));
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN, Guest, Port, flags: VsockSpec.ShutdownBoth));
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        ConnectTests.AssertEnds(host);
        Assert.Equal(0ul, rig.Open);
    }

    [Fact]
    public void Hostile_32_the_guests_end_is_passed_on_and_the_host_may_go_on()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), "last"u8);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN, Guest, Port, flags: VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND));
        Assert.Equal("last"u8, VsockRig.Read(host, 4));
        Assert.Equal(0, host.Receive(new byte[1]));
        host.Send("answer"u8);
        Assert.Equal("answer"u8, rig.Next().Data);
        host.Dispose();
        Assert.Equal(VsockSpec.ShutdownBoth, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN).Flags);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, Guest, Port));
        Assert.Equal(0ul, rig.Open);
    }

    [Fact]
    public void Hostile_32_A_guest_that_receives_no_more_makes_the_hosts_writes_fail()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN, Guest, Port, flags: VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE));
        Assert.Throws<SocketException>(() => host.Send(new byte[1]));
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), "still"u8);
        Assert.Equal("still"u8, VsockRig.Read(host, 5));
        host.Dispose();
        // That the host does not send any more is no news to it, that it does not receive is.
        Assert.Equal(VsockSpec.ShutdownBoth, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN).Flags | VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    }

    [Fact]
    public void A_guest_that_leaves_while_the_host_lags_loses_no_byte()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        byte[] sent = FillUp(rig, Guest);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN, Guest, Port, flags: VsockSpec.ShutdownBoth));
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, Guest, Port));
        Assert.Equal(1ul, rig.Open);
        Assert.Equal(sent, VsockRig.Read(host, sent.Length));
        ConnectTests.AssertEnds(host);
        rig.Harness.WaitFor(() => rig.Open == 0, "the end of the connection");
    }

    [Fact]
    public void A_program_that_leaves_with_bytes_unread_ends_the_connection()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        FillUp(rig, Guest);
        host.Dispose();
        Packet packet;
        do packet = rig.Next().Header;
        while (packet.Operation == VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        Assert.Equal(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN, packet.Operation);
    }

    [Fact]
    public void Hostile_32_A_guest_that_ignores_the_end_is_reset_after_eight_seconds()
    {
        var clock = new VsockClock();
        using var rig = new VsockRig(clock);
        rig.ConnectFromGuest(Guest, Port).Dispose();
        uint flags = 0;
        while (flags != VsockSpec.ShutdownBoth) flags |= rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN).Flags;
        clock.Advance(TimeSpan.FromSeconds(9));
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        Assert.Equal(0ul, rig.Open);
    }

    [Fact]
    public void Streams_take_turns()
    {
        using var rig = new VsockRig(buffers: 0);
        Packet[] seen = new Packet[40];
        for (int i = 0; i < 3; i++) rig.Post();
        rig.Receive.Kick();
        Socket first = rig.ConnectFromGuest(1, Port), second = rig.ConnectFromGuest(2, Port);
        // No buffers are left while both send, so that both wait when some come.
        for (int i = 0; i < 3; i++) rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, 9, 9));
        first.Send(new byte[100_000]);
        second.Send(new byte[100_000]);
        for (int i = 0; i < seen.Length; i++) seen[i] = rig.Next().Header;
        Assert.InRange(seen.Count(packet => packet.DestinationPort == 1), 10, 30);
    }

    /// <summary>Sends as the guest until the host's socket and the connection's buffer are full.</summary>
    internal static byte[] FillUp(VsockRig rig, uint guestPort)
    {
        byte[] all = RandomBytes(4 << 20, 3);
        uint passed = 0;
        int at = 0;
        while (true)
        {
            // Small steps, so that the device tells nothing unasked: an answer for each question.
            rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST, guestPort, Port));
            passed = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE).Forwarded;
            int free = Math.Min(Connection.BufferSize - (int)((uint)at - passed), Connection.BufferSize / 4);
            if (free == 0) return all[..at];
            rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, guestPort, Port), all.AsSpan(at, free));
            at += free;
        }
    }

    internal static byte[] RandomBytes(int length, int seed)
    {
        byte[] data = new byte[length];
        new Random(seed).NextBytes(data);
        return data;
    }

    internal static void SendAll(Socket socket, byte[] data)
    {
        for (int at = 0; at < data.Length;) at += socket.Send(data.AsSpan(at));
    }
}
