using System.Net.Sockets;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioVsock;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>A device whose code is replaced: another instance goes on with its connections.</summary>
public sealed class ReplacementTests
{
    private const uint Guest = 1000, Port = 5000;

    [Fact]
    public void Streams_go_on_with_all_their_bytes_and_credit()
    {
        using var before = new VsockRig();
        Socket lagging = before.ConnectFromGuest(Guest, Port);
        (Socket client, uint port) = before.ConnectFromHost(22);
        byte[] sent = StreamTests.FillUp(before, Guest);
        Socket greeting = before.Connect();
        greeting.Send("CONN"u8);
        before.ConnectFromGuest(2, Port);   // by now the one that greets has been accepted, and heard

        using VsockRig after = Replace(before);
        Assert.Equal(4ul, after.Open);
        // The guest may send no more than before, and all that was held arrives.
        Assert.Equal(sent, VsockRig.Read(lagging, sent.Length));
        Packet update = after.Expect(VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        Assert.Equal(Guest, update.DestinationPort);
        after.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, Guest, Port), "more"u8);
        Assert.Equal("more"u8, VsockRig.Read(lagging, 4));
        client.Send("still here"u8);
        Packet packet;
        byte[] data;
        do (packet, data) = after.Next();
        while (packet.Operation == VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        Assert.Equal((port, 22u), (packet.SourcePort, packet.DestinationPort));
        Assert.Equal("still here"u8, data);
        greeting.Send("ECT 23\n"u8);
        Assert.Equal(23u, after.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST).DestinationPort);
        after.ConnectFromHost(24);
        Assert.Equal(0, after.Events.Driver.UsedIndex);
    }

    [Fact]
    public void The_socket_stays_while_there_is_an_heir_and_goes_with_it()
    {
        using var before = new VsockRig();
        using (VsockRig after = Replace(before))
        {
            Assert.True(File.Exists(before.Socket));
            Assert.Throws<DeviceException>(() => VsockRig.Create(after.Host, before.Socket));   // still locked
            after.ConnectFromHost(22);
        }

        Assert.False(File.Exists(before.Socket));
    }

    [Fact]
    public void An_answer_that_was_due_is_still_given()
    {
        using var before = new VsockRig(buffers: 0);
        before.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, 1, 2));   // nobody listens
        using VsockRig after = Replace(before);
        Assert.Equal((2u, 1u), (after.Next().Header.SourcePort, 1u));
    }

    [Theory]
    [InlineData("02")]
    [InlineData("0100ff")]
    [InlineData("01000100ff")]
    [InlineData("0100010003")]
    public void A_state_that_makes_no_sense_is_refused_and_the_old_one_goes_on(string state)
    {
        using var before = new VsockRig();
        (Socket client, _) = before.ConnectFromHost(22);
        before.Harness.Stop();
        byte[] saved = Convert.FromHexString(state);
        Assert.Throws<DeviceException>(() => VsockRig.Create(before.Host, before.Socket, saved, inherited: ((IHandsOver)before.Harness.Device).Handover));

        before.Harness.Resume();
        client.Send("alive"u8);
        Assert.Equal("alive"u8, before.Next().Data);
        Assert.True(File.Exists(before.Socket));
    }

    private static VsockRig Replace(VsockRig before)
    {
        before.Harness.Stop();
        byte[] state = ((ISnapshottable)before.Harness.Device).Save().ToArray();
        return new VsockRig(saved: state, replaces: before);
    }
}
