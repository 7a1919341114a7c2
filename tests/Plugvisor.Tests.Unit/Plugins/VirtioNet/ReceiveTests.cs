using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

public sealed class ReceiveTests
{
    private static readonly ulong s_merging = NetRig.Bit(NetSpec.VIRTIO_NET_F_MRG_RXBUF);
    private static readonly ulong s_guestChecksum = NetRig.Bit(NetSpec.VIRTIO_NET_F_GUEST_CSUM);
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(30);

    [Theory]
    [InlineData(14)]
    [InlineData(60)]
    [InlineData(1514)]
    public void A_frame_lies_in_the_buffer_with_its_header(int bytes)
    {
        using var rig = new NetRig();
        byte[] frame = NetRig.Frame(bytes, flags: 2);
        rig.Port.Send(frame);
        DriverBuffer buffer = rig.Buffer(2048);
        Assert.Equal((uint)frame.Length, rig.Receive.Call(buffer));
        frame[10] = 1;   // num_buffers
        Assert.Equal(frame, rig.Bytes(buffer, (uint)frame.Length));
        Assert.Equal(1ul, rig.Host.MockCounters["rx_frames"]);
        Assert.Equal((ulong)bytes, rig.Host.MockCounters["rx_bytes"]);
        rig.Healthy();
    }

    [Fact]
    public void A_driver_without_checksum_offload_sees_no_flags()
    {
        using var rig = new NetRig(without: s_guestChecksum);
        rig.Port.Send(NetRig.Frame(60, flags: 2));
        DriverBuffer buffer = rig.Buffer(2048);
        rig.Receive.Call(buffer);
        Assert.Equal(0, rig.Bytes(buffer, 1)[0]);
    }

    [Theory]
    [InlineData(1, 5000)]
    [InlineData(3, 700)]
    [InlineData(12, 100)]
    public void Hostile_31_a_header_may_be_split_over_descriptors_in_any_way(int piece, int bytes)
    {
        using var rig = new NetRig(config => config["queue_size"] = 8192);
        byte[] frame = NetRig.Frame(bytes);
        var buffers = new ReceiveBuffers(rig, _ => [.. Enumerable.Repeat(piece, frame.Length / piece + 1)]);
        buffers.Add(1);
        rig.Port.Send(frame);
        Assert.Equal(frame, buffers.Collect(out int count));
        Assert.Equal(1, count);
        rig.Healthy();
    }

    [Theory]
    [InlineData(65_549, 1526)]
    [InlineData(65_549, 65_562)]
    [InlineData(65_549, 12)]
    [InlineData(70_000, 4096)]
    [InlineData(3000, 13)]
    public void Hostile_31_the_largest_frames_go_over_as_many_buffers_as_they_need(int bytes, int bufferSize)
    {
        using var rig = new NetRig(config => config["queue_size"] = 8192);
        int needed = (NetRig.Header + bytes + bufferSize - 1) / bufferSize;
        var buffers = new ReceiveBuffers(rig, _ => [bufferSize]);
        for (int round = 0; round < 2; round++)   // the second one is expected and needs no copy
        {
            byte[] frame = NetRig.Frame(bytes, round);
            buffers.Add(needed + 3);
            rig.Port.Send(frame);
            Assert.True(frame.AsSpan().SequenceEqual(buffers.Collect(out int count)), $"round {round}");
            Assert.Equal(needed, count);
        }

        Assert.Equal(2ul, rig.Host.MockCounters["rx_frames"]);
        rig.Healthy();
    }

    [Fact]
    public void Without_segmentation_one_buffer_is_enough_until_the_hosts_mtu_grows()
    {
        using var rig = new NetRig(without: NetSpec.GuestSegmentation);
        var buffers = new ReceiveBuffers(rig, _ => [1548]);
        buffers.Add(20);
        rig.Port.Send(NetRig.Frame(1522, 1));
        Assert.Equal(NetRig.Frame(1522, 1), buffers.Collect());
        Assert.Equal(1, rig.Port.ReadVectors);
        rig.Port.Send(NetRig.Frame(9000, 2));   // cannot be seen to be too long before it is cut
        rig.Port.Send(NetRig.Frame(9000, 3));
        rig.Port.Send(NetRig.Frame(60, 4));
        Assert.Equal(NetRig.Frame(9000, 3), buffers.Collect(out int count));
        Assert.Equal(6, count);
        Assert.Equal(NetRig.Frame(60, 4), buffers.Collect());
        Assert.Contains("MTU", rig.Log);
        Assert.Equal(3ul, rig.Host.MockCounters["rx_frames"]);
        rig.Healthy();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Frames_of_all_sizes_come_whole_and_in_order(bool merging)
    {
        using var rig = new NetRig(without: merging ? 0 : s_merging);
        var random = new Random(7);
        var buffers = new ReceiveBuffers(
            rig, _ => merging ? [random.Next(12, 3000), random.Next(0, 2000)] : [random.Next(1, 30), 2000, 66_000]);
        var expected = new Queue<byte[]>();
        for (int number = 0; number < 4000 || expected.Count > 0;)
        {
            buffers.Fill(3);
            while (expected.Count < 20 && number < 4000)
            {
                byte[] frame = NetRig.Frame(random.Next(8) == 0 ? random.Next(14, 65_000) : random.Next(14, 1514), number++);
                expected.Enqueue(frame);
                rig.Port.Send(frame);
            }

            byte[] next = expected.Dequeue(), got = buffers.Collect();
            Assert.True(next.AsSpan().SequenceEqual(got), $"a frame of {next.Length} bytes came as one of {got.Length} or with other bytes");
        }

        Assert.Equal(4000ul, rig.Host.MockCounters["rx_frames"]);
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_a_large_frame_waits_for_buffers_and_the_next_ones_behind_it()
    {
        using var rig = new NetRig();
        var buffers = new ReceiveBuffers(rig, _ => [1526]);
        byte[] large = NetRig.Frame(60_000, 1), small = NetRig.Frame(60, 2);
        buffers.Add(3);
        rig.Port.Send(large);
        rig.Port.Send(small);
        Assert.False(DriverHarness.HoldsWithin(() => rig.Receive.Driver.UsedIndex != 0, s_soon));
        for (int i = 0; i < 36; i++) buffers.Add(1);   // one too few
        Assert.False(DriverHarness.HoldsWithin(() => rig.Receive.Driver.UsedIndex != 0, s_soon));
        buffers.Add(2);
        Assert.Equal(large, buffers.Collect(out int count));
        Assert.Equal(40, count);
        Assert.Equal(small, buffers.Collect());
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_a_frame_that_no_ring_full_of_buffers_can_hold_is_dropped_with_one_line()
    {
        using var rig = new NetRig(config => config["queue_size"] = 16);
        var buffers = new ReceiveBuffers(rig, _ => [1526]);
        buffers.Fill(1);
        byte[] small = NetRig.Frame(60, 2);
        rig.Port.Send(NetRig.Frame(60_000));
        rig.Port.Send(small);
        Assert.Equal(small, buffers.Collect());
        Assert.Single(rig.Host.MockLog.Lines, line => line.StartsWith("guest:", StringComparison.Ordinal));
        Assert.Equal(1ul, rig.Host.MockCounters["rx_frames"]);
        rig.Healthy();
    }

    [Fact]
    public void Without_merging_a_frame_that_is_too_long_is_dropped_and_its_buffer_takes_the_next()
    {
        using var rig = new NetRig(without: s_merging);
        DriverBuffer buffer = rig.Buffer(1526), next = rig.Buffer(1526);
        rig.Receive.Driver.Add(buffer);
        rig.Receive.Driver.Add(next);
        rig.Receive.Kick();
        byte[] small = NetRig.Frame(60, 2);
        rig.Port.Send(NetRig.Frame(1515));
        rig.Port.Send(small);
        Assert.Equal((uint)small.Length, rig.Receive.Collect().Written);
        small[10] = 1;
        Assert.Equal(small, rig.Bytes(buffer, (uint)small.Length));
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_buffers_of_no_use_come_back_empty_and_frames_go_to_the_others()
    {
        using var rig = new NetRig();
        ushort readable = rig.Receive.Driver.Add(rig.Data(new byte[64])), mixed = rig.Receive.Driver.Add(rig.Data(new byte[4]), rig.Buffer(2048));
        ushort tiny = rig.Receive.Driver.Add(rig.Buffer(11)), good = rig.Receive.Driver.Add(rig.Buffer(2048));
        rig.Port.Send(NetRig.Frame(60));
        rig.Receive.Kick();
        Assert.Equal([new(readable, 0), new(mixed, 0), new(tiny, 0), new(good, 72)],
            new[] { rig.Receive.Collect(), rig.Receive.Collect(), rig.Receive.Collect(), rig.Receive.Collect() });
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_a_driver_that_gives_useless_buffers_without_end_does_not_keep_the_other_direction_waiting()
    {
        using var rig = new NetRig(config => config["queue_size"] = 1024);
        for (int round = 0; round < 50; round++)
        {
            for (int i = 0; i < 1000; i++) rig.Receive.Driver.Add(DriverBuffer.Writable(0x1000, 1));
            rig.Receive.Kick();
            rig.Send(NetRig.Frame(60, round));
            for (int i = 0; i < 1000; i++) Assert.Equal(0u, rig.Receive.Collect().Written);
        }

        Assert.Equal(50, rig.Port.Sent.Count);
        rig.Healthy();
    }

    [Fact]
    public void Buffers_taken_ahead_are_in_the_ring_again_after_a_stop()
    {
        using var rig = new NetRig();
        var buffers = new ReceiveBuffers(rig, _ => [512]);
        buffers.Fill(1);
        for (int round = 0; round < 20; round++)
        {
            byte[] frame = NetRig.Frame(5000, round);   // expects large frames, so takes several ahead
            rig.Port.Send(frame);
            Assert.Equal(frame, buffers.Collect(out int count));
            rig.Harness.Stop();
            ushort used = (ushort)((round + 1) * count);
            Assert.Equal(new QueueState(used, used), rig.Receive.State);
            Assert.Equal(0, rig.Receive.InFlight);
            rig.Harness.Resume();
            buffers.Fill(1);
        }

        rig.Healthy();
    }

    [Fact]
    public void A_host_that_has_nothing_costs_no_buffers_and_no_interrupt()
    {
        using var rig = new NetRig();
        var buffers = new ReceiveBuffers(rig, _ => [2048]);
        buffers.Fill(1);
        for (int i = 0; i < 100; i++) rig.Receive.Doorbell.Signal();
        Assert.False(DriverHarness.HoldsWithin(() => rig.Receive.Interrupt.Count != 0 || rig.Receive.Driver.UsedIndex != 0, s_soon));
    }
}
