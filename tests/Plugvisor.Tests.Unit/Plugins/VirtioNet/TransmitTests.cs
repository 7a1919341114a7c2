using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

public sealed class TransmitTests
{
    [Theory]
    [InlineData(14)]
    [InlineData(60)]
    [InlineData(1514)]
    [InlineData(65_549)]
    public void A_frame_reaches_the_host_with_its_header(int bytes)
    {
        using var rig = new NetRig();
        byte[] frame = NetRig.Frame(bytes, flags: 1);
        rig.Send(frame);
        Assert.Equal(frame, Assert.Single(rig.Port.Sent));
        Assert.Equal(1ul, rig.Host.MockCounters["tx_frames"]);
        Assert.Equal((ulong)bytes, rig.Host.MockCounters["tx_bytes"]);
        rig.Healthy();
    }

    [Theory]
    [InlineData(12)]
    [InlineData(1, 2, 3, 12)]
    [InlineData(5, 20)]
    [InlineData(13, 40)]
    public void Hostile_31_header_and_frame_may_be_split_anywhere(params int[] cuts)
    {
        using var rig = new NetRig();
        byte[] frame = NetRig.Frame(60);
        rig.Send(frame, cuts);
        Assert.Equal(frame, Assert.Single(rig.Port.Sent));
        Assert.Equal(cuts.Length + 1, Assert.Single(rig.Port.Vectors));
    }

    [Fact]
    public void Hostile_31_a_frame_in_more_pieces_than_the_kernel_takes_goes_through()
    {
        using var rig = new NetRig(config => config["queue_size"] = 4096);
        byte[] frame = NetRig.Frame(2000);
        rig.Send(frame, [.. Enumerable.Range(1, frame.Length - 1)]);
        Assert.Equal(frame, Assert.Single(rig.Port.Sent));
        Assert.Equal(1, Assert.Single(rig.Port.Vectors));
        rig.Healthy();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(25)]
    [InlineData(73 * 1024)]
    [InlineData(1 << 20)]
    public void Hostile_31_what_is_too_short_or_too_long_for_a_frame_is_dropped_and_the_queue_goes_on(int bytes)
    {
        using var rig = new NetRig();
        for (int i = 0; i < 20; i++) rig.Send(new byte[bytes]);
        byte[] frame = NetRig.Frame(60);
        rig.Send(frame);
        Assert.Equal(frame, Assert.Single(rig.Port.Sent));
        Assert.Equal(1ul, rig.Host.MockCounters["tx_frames"]);
        rig.Healthy();
    }

    [Fact]
    public void Hostile_31_a_header_that_the_host_refuses_costs_its_frame_only()
    {
        using var rig = new NetRig();
        rig.Port.Failure = FakePort.Invalid;
        byte[] wrong = NetRig.Frame(60, flags: 1);
        wrong[1] = 0x7f;   // no such segmentation
        for (int i = 0; i < 100; i++) rig.Send(wrong);
        Assert.Equal(0ul, rig.Host.MockCounters["tx_frames"]);
        rig.Port.Failure = 0;
        rig.Send(NetRig.Frame(60));
        Assert.Equal(1ul, rig.Host.MockCounters["tx_frames"]);
        Assert.DoesNotContain(rig.Host.MockLog.Lines, line => line.StartsWith("warn:", StringComparison.Ordinal));   // only what is rate limited
        rig.Healthy();
    }

    [Fact]
    public void A_host_without_room_makes_the_frame_wait_and_loses_none()
    {
        using var rig = new NetRig();
        rig.Port.Failure = FakePort.Again;
        for (int i = 0; i < 50; i++) rig.Transmit.Driver.Add(rig.Data(NetRig.Frame(60, i)));
        rig.Transmit.Kick();
        Assert.False(DriverHarness.HoldsWithin(() => rig.Transmit.Driver.UsedIndex != 0, TimeSpan.FromMilliseconds(20)));
        rig.Port.Failure = 0;
        for (int i = 0; i < 50; i++) rig.Transmit.Collect();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => NetRig.Frame(60, i)), rig.Port.Sent);
        rig.Healthy();
    }

    [Fact]
    public void A_frame_that_waits_is_in_the_ring_again_after_a_stop()
    {
        using var rig = new NetRig();
        rig.Port.Failure = FakePort.Again;
        rig.Transmit.Driver.Add(rig.Data(NetRig.Frame(60)));
        rig.Transmit.Kick();
        DriverHarness.HoldsWithin(() => false, TimeSpan.FromMilliseconds(10));
        rig.Harness.Stop();
        Assert.Equal(default, rig.Transmit.State);
        rig.Port.Failure = 0;
        rig.Harness.Resume();
        rig.Transmit.Collect();
        Assert.Single(rig.Port.Sent);
    }

    [Fact]
    public void Frames_leave_in_the_order_in_which_the_guest_sent_them()
    {
        using var rig = new NetRig();
        var random = new Random(3);
        var frames = new List<byte[]>();
        DriverBuffer room = rig.Data(new byte[256 * 1600]);
        for (int number = 0; number < 5000;)
        {
            while (rig.Transmit.Driver.FreeDescriptors > 0 && number < 5000)
            {
                byte[] frame = NetRig.Frame(random.Next(14, 1500), number);
                frames.Add(frame);
                ulong address = room.Address + (ulong)(number++ % 256 * 1600);
                frame.CopyTo(rig.Ram.Bytes(address, frame.Length));
                rig.Transmit.Driver.Add(DriverBuffer.Readable(address, (uint)frame.Length));
            }

            rig.Transmit.Kick();
            for (int i = rig.Transmit.Driver.InFlight; i > 0; i--) rig.Transmit.Collect();
        }

        Assert.Equal(frames.Count, rig.Port.Sent.Count);
        Assert.All(frames.Zip(rig.Port.Sent), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
        rig.Healthy();
    }

    [Fact]
    public void What_a_guest_lets_the_device_write_in_a_frame_is_not_written()
    {
        using var rig = new NetRig();
        DriverBuffer buffer = rig.Buffer(64);
        Assert.Equal(0u, rig.Transmit.Call(rig.Data(NetRig.Frame(60)), buffer));
        Assert.Equal(-1, rig.Bytes(buffer, 64).IndexOfAnyExcept((byte)0xee));
        Assert.Single(rig.Port.Sent);
    }
}
