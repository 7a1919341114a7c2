using System.Diagnostics;
using System.Text.Json.Nodes;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Network;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>The control queue, and what it does to the host's ends.</summary>
public sealed class ControlTests
{
    private const byte Ok = NetSpec.VIRTIO_NET_OK, Error = NetSpec.VIRTIO_NET_ERR;
    private const byte Queues = NetSpec.VIRTIO_NET_CTRL_MQ, Offloads = NetSpec.VIRTIO_NET_CTRL_GUEST_OFFLOADS;

    private static readonly Action<JsonObject> s_threePairs = config => config["num_queues"] = 6;

    private static byte[] Features(params int[] bits) => BitConverter.GetBytes(bits.Aggregate(0ul, (all, bit) => all | 1ul << bit));

    [Fact]
    public void A_driver_begins_with_one_pair_and_puts_others_in_use()
    {
        using var rig = new NetRig(s_threePairs);
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));
        Assert.Equal(3ul, rig.ConfigSpace(NetSpec.ConfigMaxPairs, 2));
        Assert.Equal(Ok, rig.Command(Queues, 0, 3, 0));
        Assert.Equal([true, true, true], rig.Ports.Select(port => port.IsAttached));
        Assert.Equal(Ok, rig.Command(Queues, 0, 2, 0));
        Assert.Equal([true, true, false], rig.Ports.Select(port => port.IsAttached));
        rig.Healthy();
    }

    [Fact]
    public void Every_pair_in_use_moves_frames_both_ways()
    {
        using var rig = new NetRig(s_threePairs);
        rig.Command(Queues, 0, 3, 0);
        for (int pair = 0; pair < 3; pair++)
        {
            byte[] frame = NetRig.Frame(60, pair);
            rig.Harness.Queues[2 * pair + 1].Call(rig.Data(frame));
            Assert.Equal(frame, Assert.Single(rig.Ports[pair].Sent));
            rig.Ports[pair].Send(frame);
            DriverBuffer buffer = rig.Buffer(2048);
            Assert.Equal((uint)frame.Length, rig.Harness.Queues[2 * pair].Call(buffer));
            Assert.Equal(frame.AsSpan(12), rig.Bytes(buffer, (uint)frame.Length)[12..]);
        }

        Assert.Equal(["_net0_ctrl", "_net0_qp0", "_net0_qp1", "_net0_qp2"], rig.Host.Threads.Select(thread => thread.Name).Order());
        rig.Healthy();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(0xffff)]
    public void Hostile_31_a_number_of_pairs_that_there_is_not_is_refused(int pairs)
    {
        using var rig = new NetRig(s_threePairs);
        Assert.Equal(Error, rig.Command(Queues, 0, (byte)pairs, (byte)(pairs >> 8)));
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_a_pair_out_of_use_gets_no_frames_and_what_it_sends_harms_nobody()
    {
        using var rig = new NetRig(s_threePairs);
        rig.Harness.Queues[3].Call(rig.Data(NetRig.Frame(60)));
        rig.Harness.Queues[2].Driver.Add(rig.Buffer(2048));
        rig.Harness.Queues[2].Kick();
        rig.Ports[1].Send(NetRig.Frame(60));
        Assert.False(DriverHarness.HoldsWithin(() => rig.Harness.Queues[2].Driver.UsedIndex != 0, TimeSpan.FromMilliseconds(20)));
        Assert.Equal(1ul, rig.ConfigSpace(NetSpec.ConfigStatus, 2));
        Assert.Equal(Ok, rig.Command(Queues, 0, 2, 0));
        Assert.Equal(72u, rig.Harness.Queues[2].Collect().Written);
        rig.Healthy();
    }

    [Fact]
    public void A_reset_goes_back_to_one_pair()
    {
        using var rig = new NetRig(s_threePairs);
        rig.Command(Queues, 0, 3, 0);
        rig.Harness.Reset();
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));
        rig.Harness.Start();
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));
    }

    [Fact]
    public void Without_multiple_queues_the_control_queue_is_the_third()
    {
        using var rig = new NetRig(s_threePairs, without: NetRig.Bit(NetSpec.VIRTIO_NET_F_MQ));
        DriverBuffer ack = rig.Buffer(1);
        Assert.Equal(1u, rig.Harness.Queues[2].Call(rig.Data([Queues, 0, 2, 0]), ack));
        Assert.Equal(Error, rig.Bytes(ack, 1)[0]);   // not negotiated
        rig.Send(NetRig.Frame(60));
        Assert.Single(rig.Port.Sent);
        rig.Harness.Queues[3].Driver.Add(rig.Data(NetRig.Frame(60)));
        rig.Harness.Queues[3].Kick();
        rig.Harness.Stop();
        Assert.Equal(default, rig.Harness.Queues[3].State);
        rig.Healthy();
    }

    [Fact]
    public void The_kernel_leaves_undone_what_the_driver_negotiated_and_then_asks_for()
    {
        using var rig = new NetRig();
        const TapOffloads all = TapOffloads.Checksum | TapOffloads.Tso4 | TapOffloads.Tso6 | TapOffloads.TsoEcn | TapOffloads.Ufo;
        Assert.Equal(Ok, rig.Command(Offloads, 0, Features(NetSpec.VIRTIO_NET_F_GUEST_CSUM, NetSpec.VIRTIO_NET_F_GUEST_TSO4)));
        Assert.Equal(Ok, rig.Command(Offloads, 0, Features(NetSpec.VIRTIO_NET_F_GUEST_CSUM, NetSpec.VIRTIO_NET_F_GUEST_TSO4)));   // as it is
        Assert.Equal(Ok, rig.Command(Offloads, 0, Features()));
        Assert.Equal([all, TapOffloads.Checksum | TapOffloads.Tso4, TapOffloads.None], rig.Port.Offloads);
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_offloads_that_were_not_negotiated_are_refused()
    {
        using var rig = new NetRig(without: NetRig.Bit(NetSpec.VIRTIO_NET_F_GUEST_TSO6));
        Assert.Equal(Error, rig.Command(Offloads, 0, Features(NetSpec.VIRTIO_NET_F_GUEST_CSUM, NetSpec.VIRTIO_NET_F_GUEST_TSO6)));
        Assert.Equal(Error, rig.Command(Offloads, 0, Features(NetSpec.VIRTIO_NET_F_HOST_TSO4)));
        Assert.Equal(Error, rig.Command(Offloads, 0, Features(63)));
        Assert.Single(rig.Port.Offloads);
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_commands_that_there_are_not_and_stumps_of_commands_are_refused()
    {
        using var rig = new NetRig(s_threePairs);
        Assert.Equal(Error, rig.Command(0, 0, 1));       // receive mode: not offered
        Assert.Equal(Error, rig.Command(1, 1, 0, 0, 0, 0, 0, 0));   // set the address: not offered
        Assert.Equal(Error, rig.Command(Queues, 9, 1, 0));
        Assert.Equal(Error, rig.Command(Queues, 0, 1));
        Assert.Equal(Error, rig.Command(Queues, 0));
        Assert.Equal(Error, rig.Command(Offloads, 0, 1, 2, 3, 4, 5, 6, 7));
        Assert.Equal(Error, rig.Command(0xff, 0xff, new byte[100]));
        DriverBuffer ack = rig.Buffer(1);
        Assert.Equal(1u, rig.Control.Call(rig.Data([Queues]), ack));
        Assert.Equal(Error, rig.Bytes(ack, 1)[0]);
        Assert.Equal(1u, rig.Control.Call(ack));
        rig.Healthy();
    }

    [Fact]
    public void A_command_without_room_for_its_acknowledgement_needs_a_reset()
    {
        using var rig = new NetRig(s_threePairs);
        rig.Control.Driver.Add(rig.Data([Queues, 0, 3, 0]));
        rig.Control.Kick();
        rig.Harness.WaitFor(() => rig.Harness.Transport.IsLatched, "the latch");
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));
    }

    [Fact]
    public void A_driver_that_commands_without_end_is_slowed_down()
    {
        using var rig = new NetRig(s_threePairs);
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 300; i++) Assert.Equal(Ok, rig.Command(Queues, 0, (byte)(1 + i % 3), 0));   // 200 at once, then 200 a second
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(20));
        Assert.InRange(rig.Ports[2].Attachments, 1, 201);
    }

    [Fact]
    public void A_restored_device_goes_on_with_what_the_driver_had_set_and_asks_it_to_announce_itself()
    {
        var state = new Settings(2, NetRig.Bit(NetSpec.VIRTIO_NET_F_GUEST_CSUM));
        using var rig = new NetRig(s_threePairs, saved: new State(state).ToBytes());
        Assert.Equal([true, true, false], rig.Ports.Select(port => port.IsAttached));
        Assert.Equal(TapOffloads.Checksum, Assert.Single(rig.Port.Offloads));
        Assert.Equal(state, rig.Net.Settings);
        Assert.Equal(3ul, rig.ConfigSpace(NetSpec.ConfigStatus, 2));   // link up, announce
        Assert.Equal(1, rig.Harness.Transport.ConfigChanges);
        Assert.Equal(Ok, rig.Command(NetSpec.VIRTIO_NET_CTRL_ANNOUNCE, 0));
        Assert.Equal(1ul, rig.ConfigSpace(NetSpec.ConfigStatus, 2));
        rig.Harness.Reset();
        rig.Harness.Start();
        Assert.Equal([true, false, false], rig.Ports.Select(port => port.IsAttached));   // a new driver begins anew
        Assert.Equal(0, rig.Harness.Transport.ConfigChanges);
    }

    [Fact]
    public void State_of_a_newer_plugin_is_read_and_what_is_not_known_is_refused()
    {
        byte[] bytes = [.. new State(new Settings(3, 7)).ToBytes(), 1, 2, 3];
        Assert.Equal(new Settings(3, 7), State.From(bytes)!.Settings);
        Assert.Null(State.From([]));
        bytes[0] = 9;
        Assert.Throws<DeviceException>(() => State.From(bytes));
        Assert.Throws<DeviceException>(() => State.From([1, 2]));
        Assert.Throws<DeviceException>(() => State.From(new byte[20]));
    }
}
