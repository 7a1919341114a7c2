using System.Net.Sockets;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>What a hostile guest does to the socket device (case 32), and a host that stalls.</summary>
public sealed class HostileVsockTests
{
    private const uint Guest = 1000, Port = 5000;

    [Fact]
    public void Hostile_32_packets_of_wrong_addresses_reach_nobody()
    {
        using var rig = new VsockRig();
        using Socket listener = rig.Listen(Port);
        Packet request = VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, Guest, Port);
        foreach (ulong source in new ulong[] { 0, 1, 2, 4, 1ul << 32 | 3, ulong.MaxValue })
        {
            request.SourceCid = source;
            rig.Send(request);
        }

        request.SourceCid = VsockRig.Cid;
        foreach (ulong destination in new ulong[] { 0, 1, 3, 4, 1ul << 32 | 2, ulong.MaxValue })
        {
            request.DestinationCid = destination;
            rig.Send(request);
            UsedChain used = rig.Receive.Collect();   // who is not there answers that
            Assert.Equal((uint)Packet.Size, used.Written);
        }

        Assert.Equal(0ul, rig.Open);
        Assert.False(listener.Poll(0, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(0xffff)]
    public void Hostile_32_types_that_are_not_offered_are_refused(int type)
    {
        using var rig = new VsockRig();
        using Socket listener = rig.Listen(Port);
        Packet request = VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, Guest, Port);
        request.Type = (ushort)type;
        rig.Send(request);
        Assert.Equal(type, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST).Type);
        Assert.Equal(0ul, rig.Open);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(VsockSpec.VIRTIO_VSOCK_OP_RESPONSE)]
    [InlineData(8)]
    [InlineData(0xffff)]
    public void Hostile_32_operations_that_are_none_reset_their_connection_only(int operation)
    {
        using var rig = new VsockRig();
        Socket victim = rig.ConnectFromGuest(Guest, Port), other = rig.ConnectFromGuest(Guest + 1, Port);
        rig.Send(VsockRig.NewPacket((ushort)operation, 77, 78));
        Assert.Equal(77u, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST).DestinationPort);
        rig.Send(VsockRig.NewPacket((ushort)operation, Guest, Port));
        Assert.Equal(Guest, rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST).DestinationPort);
        ConnectTests.AssertEnds(victim);
        other.Send("alive"u8);
        Assert.Equal("alive"u8, rig.Next().Data);
    }

    [Fact]
    public void Hostile_32_a_stream_of_resets_for_nothing_is_not_answered()
    {
        using var rig = new VsockRig();
        for (int i = 0; i < 1000; i++) rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, (uint)i, 1));
        rig.ConnectFromGuest(Guest, Port);   // its RESPONSE is the first packet
    }

    [Fact]
    public void Hostile_32_more_bytes_than_the_credit_end_the_connection()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port), other = rig.ConnectFromGuest(Guest + 1, Port);
        StreamTests.FillUp(rig, Guest);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), new byte[1]);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        Assert.Contains("more than its credit", rig.Log);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest + 1, Port), "alive"u8);
        Assert.Equal("alive"u8, VsockRig.Read(other, 5));
        host.Dispose();
    }

    [Theory]
    [InlineData(101u)]
    [InlineData(65536u)]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    public void Hostile_32_a_length_that_the_packet_does_not_have_ends_the_connection(uint length)
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), new byte[100], length);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        ConnectTests.AssertEnds(host);
    }

    [Fact]
    public void Hostile_32_credit_that_lies_stops_only_its_own_stream()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(Guest, Port), other = rig.ConnectFromGuest(Guest + 1, Port);
        // It has passed on what it never got: then it has no room.
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, Guest, Port, forwarded: 1000, buffer: 100));
        host.Send(new byte[5000]);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST);
        other.Send("alive"u8);
        Assert.Equal("alive"u8, rig.Next().Data);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, Guest, Port, forwarded: 0, buffer: uint.MaxValue));
        Assert.Equal(4096, rig.Next().Data.Length);
    }

    [Fact]
    public void Hostile_32_a_guest_that_takes_no_answers_only_stops_itself()
    {
        using var rig = new VsockRig(buffers: 0);
        ulong packet = rig.Ram.Allocate(Packet.Size);
        rig.Ram.Write(packet, VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, Guest, Port));
        int sent = 0;
        // Twice as many as answers are kept, and the queue.
        while (sent < 1000 && rig.Transmit.Driver.FreeDescriptors > 0)
        {
            rig.Transmit.Driver.Add(DriverBuffer.Readable(packet, Packet.Size));
            rig.Transmit.Kick();
            sent++;
            if (rig.Transmit.Driver.FreeDescriptors == 0)
            {
                rig.Harness.WaitFor(() => rig.Transmit.Driver.TryCollect(out _) || sent > 256, "the first packets");
                while (rig.Transmit.Driver.TryCollect(out _)) { }
            }
        }

        // It is not taken any more; once there are buffers all of them are answered, and the rest is taken.
        Assert.InRange(sent, 256, 999);
        for (int answered = 0; answered < sent; answered++)
        {
            if (rig.Receive.Driver.FreeDescriptors > 3) rig.Post();
            rig.Receive.Kick();
            Assert.Equal(VsockSpec.VIRTIO_VSOCK_OP_RST, rig.Next(offerAgain: false).Header.Operation);
        }
    }

    [Fact]
    public void Hostile_32_a_host_that_stalls_does_not_hold_up_others()
    {
        using var rig = new VsockRig();
        Socket stalled = rig.ConnectFromGuest(Guest, Port), other = rig.ConnectFromGuest(Guest + 1, Port);
        byte[] sent = StreamTests.FillUp(rig, Guest);
        for (int i = 0; i < 100; i++)
        {
            rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest + 1, Port), StreamTests.RandomBytes(500, i));
            Assert.Equal(StreamTests.RandomBytes(500, i), VsockRig.Read(other, 500));
            other.Send("answer"u8);
            Packet packet;
            byte[] data;
            do (packet, data) = rig.Next();
            while (packet.Operation == VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
            Assert.Equal("answer"u8, data);
        }

        Assert.Equal(sent, VsockRig.Read(stalled, sent.Length));
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    }

    [Fact]
    public void Hostile_32_chains_that_are_too_short_are_given_back()
    {
        using var rig = new VsockRig(buffers: 0);
        ulong buffer = rig.Ram.Allocate(100);
        Assert.Equal(0u, rig.Transmit.Call(DriverBuffer.Readable(buffer, Packet.Size - 1)));
        Assert.Equal(0u, rig.Transmit.Call(DriverBuffer.Writable(buffer, 100)));
        for (int i = 0; i < 5; i++) rig.Receive.Driver.Add(DriverBuffer.Writable(buffer, Packet.Size - 1));
        rig.Receive.Driver.Add(DriverBuffer.Readable(buffer, 100));
        rig.Receive.Kick();
        using Socket client = rig.Connect();
        client.Send("CONNECT 22\n"u8);
        for (int i = 0; i < 6; i++) Assert.Equal(0u, rig.Receive.Collect().Written);
        rig.Post();
        rig.Receive.Kick();
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
    }

    [Fact]
    public void Hostile_32_buffers_with_room_for_a_header_only_get_no_data_and_lose_none()
    {
        using var rig = new VsockRig(buffers: 1);
        using Socket listener = rig.Listen(Port);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, Guest, Port));
        using Socket host = listener.Accept();
        rig.Next(offerAgain: false);
        ulong buffer = rig.Ram.Allocate(Packet.Size);
        for (int i = 0; i < 3; i++) rig.Receive.Driver.Add(DriverBuffer.Writable(buffer, Packet.Size));
        rig.Receive.Kick();
        host.Send("data"u8);
        for (int i = 0; i < 3; i++) Assert.Equal((uint)Packet.Size, rig.Receive.Collect().Written);
        rig.Post();
        rig.Receive.Kick();
        Assert.Equal("data"u8, rig.Next(offerAgain: false).Data);
    }

    [Fact]
    public void Hostile_32_every_packet_in_every_state_leaves_the_device_healthy()
    {
        using var rig = new VsockRig();
        using Socket listener = rig.Listen(Port, backlog: 512);
        var random = new Random(32);
        byte[] data = new byte[3000];
        for (int i = 0; i < 5000; i++)
        {
            Packet packet = VsockRig.NewPacket((ushort)random.Next(0, 10), (uint)random.Next(4), random.Next(8) == 0 ? (uint)random.Next() : Port,
                (uint)random.NextInt64(), (uint)random.NextInt64(), (uint)random.Next(8));
            rig.Send(packet, data.AsSpan(0, random.Next(data.Length)), random.Next(4) == 0 ? (uint)random.NextInt64() : null);
            while (rig.Receive.Driver.UsedIndex != rig.Receive.Driver.CollectedIndex) rig.Next();
            while (listener.Poll(0, SelectMode.SelectRead)) listener.Accept().Dispose();
        }

        for (uint port = 0; port < 4; port++) rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, port, Port));
        Assert.False(rig.Harness.Transport.IsLatched);
        rig.Harness.Reset();
        Assert.Equal(0ul, rig.Open);
    }
}
