using System.Diagnostics;
using System.Text.Json.Nodes;
using Plugvisor.Linux.Network;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Testing.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>Configuration space, features, a host's end that goes away, rate limits.</summary>
public sealed class LinkTests
{
    private const int Frames = 40;

    [Fact]
    public void Configuration_space_has_address_status_pairs_and_mtu()
    {
        using var rig = new NetRig(config => config["mac"] = "2e:01:02:03:04:05");
        Assert.Equal(1, rig.Net.Traits.DeviceType);
        Assert.Equal(0x0200, rig.Net.Traits.PciClass);
        Assert.Equal([256, 256, 256], rig.Net.Traits.QueueSizes);
        Assert.Equal(0x0504_0302_012eul, rig.ConfigSpace(NetSpec.ConfigMac, 6));
        Assert.Equal(1ul, rig.ConfigSpace(NetSpec.ConfigStatus, 2));
        Assert.Equal(1ul, rig.ConfigSpace(NetSpec.ConfigMaxPairs, 2));
        Assert.Equal(1500ul, rig.ConfigSpace(NetSpec.ConfigMtu, 2));
        rig.Net.WriteConfig(0, [1, 2, 3, 4, 5, 6, 0, 0, 9, 9, 9, 9]);   // nothing is writable
        Assert.Equal(0x0504_0302_012eul, rig.ConfigSpace(NetSpec.ConfigMac, 6));
        Assert.Empty(rig.Net.CompletedConfig);
    }

    [Fact]
    public void A_random_address_is_one_of_a_single_station_and_goes_into_the_config()
    {
        var seen = new HashSet<string>();
        for (int i = 0; i < 20; i++)
        {
            using var rig = new NetRig(config => config.Remove("mac"));
            (string member, string text) = Assert.Single(rig.Net.CompletedConfig);
            Assert.Equal("mac", member);
            Assert.StartsWith("2e:", text);
            Assert.True(MacAddress.TryParse(text, out MacAddress mac) && !mac.IsGroup);
            byte[] bytes = new byte[6];
            rig.Net.ReadConfig(NetSpec.ConfigMac, bytes);
            Assert.Equal(mac, MacAddress.From(bytes));
            seen.Add(text);
        }

        Assert.Equal(20, seen.Count);
    }

    [Theory]
    [InlineData("", true, true, true)]
    [InlineData("offload_tso", true, false, true)]
    [InlineData("offload_ufo", true, true, false)]
    [InlineData("offload_csum", false, false, false)]
    public void Offloads_that_are_off_are_not_offered(string off, bool checksum, bool tso, bool ufo)
    {
        using var rig = new NetRig(config => { if (off.Length > 0) config[off] = false; });
        ulong features = rig.Net.Traits.Features;
        Holds(checksum, NetSpec.VIRTIO_NET_F_CSUM, NetSpec.VIRTIO_NET_F_GUEST_CSUM, NetSpec.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
        Holds(tso, NetSpec.VIRTIO_NET_F_HOST_TSO4, NetSpec.VIRTIO_NET_F_HOST_TSO6, NetSpec.VIRTIO_NET_F_HOST_ECN,
            NetSpec.VIRTIO_NET_F_GUEST_TSO4, NetSpec.VIRTIO_NET_F_GUEST_TSO6, NetSpec.VIRTIO_NET_F_GUEST_ECN);
        Holds(ufo, NetSpec.VIRTIO_NET_F_HOST_UFO, NetSpec.VIRTIO_NET_F_GUEST_UFO);
        Holds(true, NetSpec.VIRTIO_NET_F_MAC, NetSpec.VIRTIO_NET_F_MTU, NetSpec.VIRTIO_NET_F_STATUS, NetSpec.VIRTIO_NET_F_MRG_RXBUF,
            NetSpec.VIRTIO_NET_F_CTRL_VQ, NetSpec.VIRTIO_NET_F_GUEST_ANNOUNCE);
        Holds(false, NetSpec.VIRTIO_NET_F_MQ);

        void Holds(bool expected, params int[] bits) => Assert.All(bits, bit => Assert.Equal(expected, (features >> bit & 1) != 0));
    }

    [Fact]
    public void Where_the_mtu_is_not_known_it_is_not_offered()
    {
        using var rig = new NetRig(start: false);
        using Device device = NetRig.Create(rig.Host, [], [new FakePort()], mtu: null);
        Assert.Equal(0ul, device.Traits.Features & NetRig.Bit(NetSpec.VIRTIO_NET_F_MTU));
    }

    [Fact]
    public void Hostile_31_when_the_tap_is_deleted_the_guests_link_goes_down_with_one_line()
    {
        using var rig = new NetRig();
        using var neighbour = new NetRig();
        var buffers = new ReceiveBuffers(rig, _ => [2048]);
        buffers.Fill(1);
        rig.Port.Failure = FakePort.Gone;
        rig.Harness.WaitFor(() => rig.ConfigSpace(NetSpec.ConfigStatus, 2) == 0, "the link's end");
        for (int i = 0; i < 100; i++) rig.Send(NetRig.Frame(60));
        Assert.Equal(1, rig.Harness.Transport.ConfigChanges);
        Assert.Single(rig.Host.MockLog.Lines, line => line.Contains("fake0", StringComparison.Ordinal) && line.StartsWith("warn:", StringComparison.Ordinal));
        Assert.Empty(rig.Port.Sent);
        int reads = rig.Port.Reads;
        DriverHarness.HoldsWithin(() => false, TimeSpan.FromMilliseconds(20));
        Assert.InRange(rig.Port.Reads - reads, 0, 10);   // it stays "readable", which must keep nobody busy
        rig.Harness.Reset();
        rig.Harness.Start();
        Assert.Equal(0ul, rig.ConfigSpace(NetSpec.ConfigStatus, 2));
        neighbour.Send(NetRig.Frame(60));
        Assert.Single(neighbour.Port.Sent);
        rig.Healthy();
    }

    [Fact]
    public void Dispose_closes_every_end()
    {
        var rig = new NetRig(config => config["num_queues"] = 6);
        rig.Dispose();
        Assert.All(rig.Ports, port => Assert.True(port.IsDisposed));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_rate_limit_holds_for_each_direction_and_loses_nothing(bool bytes)
    {
        // Ten frames at once, then ten in 100 ms.
        using var rig = new NetRig(config => config["rate_limiter_config"] = new JsonObject
        {
            [bytes ? "bandwidth" : "ops"] = new JsonObject { ["size"] = bytes ? 1000 : 10, ["refill_time"] = 100 },
        });
        var buffers = new ReceiveBuffers(rig, _ => [2048]);
        buffers.Fill(1);
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < Frames; i++)
        {
            rig.Port.Send(NetRig.Frame(100, i));
            rig.Transmit.Driver.Add(rig.Data(NetRig.Frame(100, i)));
        }

        rig.Transmit.Kick();
        for (int i = 0; i < Frames; i++) Assert.Equal(NetRig.Frame(100, i), buffers.Collect());
        for (int i = 0; i < Frames; i++) rig.Transmit.Collect();
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(280), TimeSpan.FromSeconds(20));
        Assert.Equal(Enumerable.Range(0, Frames).Select(i => NetRig.Frame(100, i)), rig.Port.Sent);
        rig.Healthy();
    }

    [Fact]
    public void A_frame_that_waits_for_tokens_is_delivered_when_the_queue_stops()
    {
        using var rig = new NetRig(config => config["rate_limiter_config"] = new JsonObject
        {
            ["ops"] = new JsonObject { ["size"] = 1, ["refill_time"] = 3_600_000 },
        });
        var buffers = new ReceiveBuffers(rig, _ => [2048]);
        buffers.Add(3);
        for (int i = 0; i < 2; i++) rig.Port.Send(NetRig.Frame(60, i));
        Assert.Equal(NetRig.Frame(60, 0), buffers.Collect());
        rig.Harness.WaitFor(() => rig.Port.Waiting == 0, "the second read");
        rig.Harness.Stop();
        Assert.Equal(new QueueState(2, 2), rig.Receive.State);
        Assert.Equal(NetRig.Frame(60, 1), buffers.Collect());
    }
}
