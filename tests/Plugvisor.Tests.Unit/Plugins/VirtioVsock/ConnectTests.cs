using System.Net.Sockets;
using System.Text;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

public sealed class ConnectTests
{
    [Fact]
    public void It_says_what_it_is_and_who_the_guest_is()
    {
        using var rig = new VsockRig();
        VirtioTraits traits = rig.Harness.Device.Traits;
        Assert.Equal(19, traits.DeviceType);
        Assert.Equal([(ushort)256, (ushort)256, (ushort)256], traits.QueueSizes);
        Assert.Equal(VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_IN_ORDER), traits.Features);
        byte[] config = new byte[8];
        rig.Harness.Device.ReadConfig(0, config);
        Assert.Equal(VsockRig.Cid, BitConverter.ToUInt64(config));
    }

    [Fact]
    public void The_guest_reaches_a_program_of_the_host_by_its_port()
    {
        using var rig = new VsockRig();
        Socket host = rig.ConnectFromGuest(1000, 5000);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, 1000, 5000), "from the guest"u8);
        Assert.Equal("from the guest"u8, VsockRig.Read(host, 14));
        host.Send("from the host"u8);
        (Packet packet, byte[] data) = rig.Next();
        Assert.Equal(VsockSpec.VIRTIO_VSOCK_OP_RW, packet.Operation);
        Assert.Equal((VsockRig.Cid, 5000u, 1000u), ((uint)packet.DestinationCid, packet.SourcePort, packet.DestinationPort));
        Assert.Equal(14u, packet.Forwarded);
        Assert.Equal("from the host"u8, data);
        Assert.Equal(14ul, rig.Host.MockCounters["tx_bytes"]);
        Assert.Equal(13ul, rig.Host.MockCounters["rx_bytes"]);
    }

    [Fact]
    public void A_program_of_the_host_reaches_one_of_the_guest()
    {
        using var rig = new VsockRig();
        (Socket client, uint port) = rig.ConnectFromHost(22);
        client.Send("hello"u8);
        Assert.Equal("hello"u8, rig.Next().Data);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RW, 22, port), "welcome"u8);
        Assert.Equal("welcome"u8, VsockRig.Read(client, 7));
    }

    [Fact]
    public void What_follows_the_greeting_belongs_to_the_stream()
    {
        using var rig = new VsockRig();
        Socket client = rig.Connect();
        client.Send("CON"u8);
        client.Send("NECT 70000\nat once"u8);
        Packet request = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
        Assert.Equal(70000u, request.DestinationPort);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RESPONSE, 70000, request.SourcePort));
        Assert.Equal("at once"u8, rig.Next().Data);
    }

    [Theory]
    [InlineData("HELLO 22\n")]
    [InlineData("CONNECT\n")]
    [InlineData("CONNECT \n")]
    [InlineData("CONNECT 4294967296\n")]
    [InlineData("CONNECT 22x\n")]
    [InlineData("CONNECT -1\n")]
    [InlineData("CONNECT 000000000000000000000000000022\n")]
    public void A_client_that_says_something_else_is_turned_away(string greeting)
    {
        using var rig = new VsockRig();
        Socket client = rig.Connect();
        client.Send(Encoding.ASCII.GetBytes(greeting));
        AssertEnds(client);
        rig.Harness.WaitFor(() => rig.Open == 0, "the end of the connection");
        rig.ConnectFromHost(22);
    }

    [Fact]
    public void A_port_where_nobody_listens_is_refused_both_ways()
    {
        using var rig = new VsockRig();
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_REQUEST, 1000, 5000));
        Packet reset = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        Assert.Equal((5000u, 1000u), (reset.SourcePort, reset.DestinationPort));

        Socket client = rig.Connect();
        client.Send("CONNECT 22\n"u8);
        Packet request = rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
        rig.Send(VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, 22, request.SourcePort));
        AssertEnds(client);
        Assert.Equal(0ul, rig.Open);
    }

    [Fact]
    public void Clients_that_are_there_before_the_driver_are_served_when_it_comes()
    {
        using var rig = new VsockRig();
        rig.Harness.Reset();
        Socket client = rig.Connect();
        client.Send("CONNECT 22\n"u8);
        rig.Harness.Start();
        rig.Post(rig.Ram.Allocate(5000));
        rig.Receive.Kick();
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
    }

    [Fact]
    public void A_guest_that_does_not_answer_costs_a_connection_for_ten_seconds()
    {
        var clock = new VsockClock();
        using var rig = new VsockRig(clock);
        Socket silent = rig.Connect(), client = rig.Connect();
        client.Send("CONNECT 22\n"u8);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_REQUEST);
        rig.Harness.WaitFor(() => rig.Open == 2, "both connections");
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(2ul, rig.Open);
        clock.Advance(TimeSpan.FromSeconds(2));
        AssertEnds(silent);
        AssertEnds(client);
        rig.Expect(VsockSpec.VIRTIO_VSOCK_OP_RST);
        rig.Harness.WaitFor(() => rig.Open == 0, "the end of both");
    }

    [Fact]
    public void A_reset_ends_all_connections_and_the_device_goes_on()
    {
        using var rig = new VsockRig();
        Socket first = rig.ConnectFromGuest(1, 2);
        (Socket second, _) = rig.ConnectFromHost(22);
        rig.Harness.Reset();
        AssertEnds(first);
        AssertEnds(second);
        Assert.Equal(0ul, rig.Open);
        rig.Harness.Start();
        rig.Post(rig.Ram.Allocate(5000));
        rig.Receive.Kick();
        rig.ConnectFromGuest(1, 2).Dispose();
    }

    [Fact]
    public void A_guest_that_is_restored_hears_that_its_connections_are_gone()
    {
        using var rig = new VsockRig(saved: [1, 0]);
        ulong buffer = rig.Ram.Allocate(4);
        rig.Ram.Write(buffer, uint.MaxValue);
        Assert.Equal(4u, rig.Events.Call(DriverBuffer.Writable(buffer, 1), DriverBuffer.Writable(buffer + 1, 3)));
        Assert.Equal(0u, rig.Ram.Read<uint>(buffer));
        rig.Events.Driver.Add(DriverBuffer.Writable(buffer, 4));
        rig.Events.Kick();
        rig.ConnectFromHost(22);
        Assert.Equal(1, rig.Events.Driver.UsedIndex);   // once
    }

    [Fact]
    public void The_socket_is_the_owners_alone_replaces_a_stale_one_and_goes_with_the_device()
    {
        string folder = Directory.CreateTempSubdirectory("vsock").FullName, path = Path.Combine(folder, "s");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path));
        }

        using var rig = new VsockRig();
        IVirtioDevice device = VsockRig.Create(rig.Host, path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        var busy = Assert.Throws<DeviceException>(() => VsockRig.Create(rig.Host, path));
        Assert.Contains(path, busy.Message);
        device.Dispose();
        Assert.False(File.Exists(path));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_path_that_cannot_be_listened_at_is_an_error_that_names_it()
    {
        using var rig = new VsockRig();
        var error = Assert.Throws<DeviceException>(() => VsockRig.Create(rig.Host, "/no/such/folder/s"));
        Assert.Contains("_vsock0", error.Message);
        Assert.Contains("/no/such/folder/s", error.InnerException!.Message);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void Addresses_with_a_meaning_are_refused(uint cid)
    {
        using var rig = new VsockRig();
        var error = Assert.ThrowsAny<DeviceException>(() => VsockRig.Create(rig.Host, rig.Socket + "-other", cid: cid));
        Assert.Equal($"{cid} is a special VSOCK CID", error.Message);
    }

    /// <summary>The device has closed it.</summary>
    internal static void AssertEnds(Socket socket)
    {
        try
        {
            Assert.Equal(0, socket.Receive(new byte[1]));
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);   // with bytes of ours that nobody read
        }
    }
}
