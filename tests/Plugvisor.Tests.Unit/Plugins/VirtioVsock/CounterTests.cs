using System.Buffers.Binary;
using System.Net.Sockets;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioVsock;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>
/// Counters of bytes are 32 bits wide and wrap (virtio 1.2 section 5.10.6.3). Streams that have carried nearly 4 GiB, without moving so much: another instance goes on with a state whose counters
/// were moved on.
/// </summary>
public sealed class CounterTests
{
    private const uint Guest = 1000, Port = 5000;
    private const int Length = 400_000;
    private const uint BeforeTheWrap = unchecked((uint)-(Length / 2));

    // Where the counters of the only connection are in the state: behind version, reset, number, state, two ports and six members of a byte.
    private const int Counters = 1 + 1 + 2 + 1 + 4 + 4 + 6, GuestBuffer = 4;

    [Fact]
    public void Bytes_of_the_guest_pass_the_wrap_whole_and_within_the_devices_credit()
    {
        using var before = new VsockRig();
        Socket host = before.ConnectFromGuest(Guest, Port);
        using VsockRig rig = Age(before, BeforeTheWrap);
        byte[] sent = StreamTests.RandomBytes(Length, 4), got = [];
        var reader = new Thread(() => got = VsockRig.Read(host, Length));
        reader.Start();
        Assert.Equal(BeforeTheWrap, Forwarded(rig));
        uint passed = rig.SendAll(Guest, Port, sent, BeforeTheWrap);
        reader.Join();
        Assert.Equal(sent, got);
        Assert.True(passed < BeforeTheWrap);
    }

    [Fact]
    public void Bytes_of_the_host_pass_the_wrap_whole_and_within_the_guests_credit()
    {
        const uint Window = 10_000;
        using var before = new VsockRig();
        Socket host = before.ConnectFromGuest(Guest, Port, Window);
        using VsockRig rig = Age(before, BeforeTheWrap);
        byte[] sent = StreamTests.RandomBytes(Length, 5);
        var sender = new Thread(() => StreamTests.SendAll(host, sent));
        sender.Start();
        uint forwarded = BeforeTheWrap;
        byte[] got = rig.ReceiveAll(Guest, Port, Length, Window, ref forwarded);
        sender.Join();
        Assert.Equal(sent, got);
        Assert.Equal(unchecked(BeforeTheWrap + Length), forwarded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_the_wrap_between_what_came_and_what_the_host_took_the_credit_is_as_small(bool tooMuch)
    {
        using var before = new VsockRig();
        Socket host = before.ConnectFromGuest(Guest, Port);
        byte[] sent = StreamTests.FillUp(before, Guest);
        uint received = 10_000;
        using VsockRig rig = Age(before, received - (uint)sent.Length);
        Assert.Equal(unchecked(received - Connection.BufferSize), Forwarded(rig));
        if (tooMuch)
        {
            rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), new byte[1]);
            rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
            return;
        }

        Assert.Equal(sent, VsockRig.Read(host, sent.Length));
        uint passed;
        do passed = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE).Forwarded;
        while (passed - received > uint.MaxValue / 2);   // it may say so at half of it, and does when half has passed
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), "more"u8);
        Assert.Equal("more"u8, VsockRig.Read(host, 4));
        Assert.Equal(received + 4, Forwarded(rig));
    }

    [Fact]
    public void With_the_wrap_between_what_went_and_what_the_guest_took_the_credit_is_as_small()
    {
        const uint Window = 3000;
        using var before = new VsockRig();
        Socket host = before.ConnectFromGuest(Guest, Port, Window);
        host.Send(new byte[2000]);
        Assert.Equal(2000, before.Next().Data.Length);
        using VsockRig rig = Age(before, unchecked((uint)-1500));
        host.Send(new byte[2000]);
        Assert.Equal(1000, rig.Next().Data.Length);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST);
        // The guest has passed on 2,500 of 3,000: of its 3,000 there are 2,500 free.
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, Guest, Port, 1000, Window));
        Assert.Equal(1000, rig.Next().Data.Length);
        host.Send(new byte[3000]);
        Assert.Equal(1500, rig.Next().Data.Length);
    }

    /// <summary>Another instance, for which each direction has carried that much more.</summary>
    private static VsockRig Age(VsockRig before, uint bytes)
    {
        before.Harness.Stop();
        byte[] state = ((ISnapshottable)before.Harness.Device).Save().ToArray();
        for (int counter = 0; counter < 6; counter++)
        {
            if (counter == GuestBuffer) continue;
            Span<byte> at = state.AsSpan(Counters + (counter * sizeof(uint)), sizeof(uint));
            BinaryPrimitives.WriteUInt32LittleEndian(at, BinaryPrimitives.ReadUInt32LittleEndian(at) + bytes);
        }

        return new VsockRig(saved: state, replaces: before);
    }

    /// <summary>What the device says that the host has taken.</summary>
    private static uint Forwarded(VsockRig rig)
    {
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST, Guest, Port));
        return rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE).Forwarded;
    }
}
