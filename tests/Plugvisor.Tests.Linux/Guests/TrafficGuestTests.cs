using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>TCP both ways with every offload and with none, over one and over several pairs of queues.</summary>
public sealed class TrafficGuestTests(TrafficGuest guest) : IClassFixture<TrafficGuest>
{
    private const int Frame = 1500 + 14;   // the MTU and the Ethernet header

    // Feature bits of virtio 1.2 section 5.1.3, in the order of the kernel's text.
    private static readonly int[] s_offloads = [0, 1, 2, 7, 8, 9, 10, 11, 12, 13, 14];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_the_guest_sends_arrives(int device) =>
        Assert.True(guest.Boot["sum"] is { Length: 64 } sum && sum == guest.SumOf($"got{device}"), guest.Boot.Everything);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_the_host_sends_arrives(int device) => Assert.True(guest.Boot[$"got{device}"] == guest.HostsSum, guest.Boot.Everything);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Iperf3_runs_both_ways(int device) =>
        Assert.True(guest.Boot[$"up{device}"] == "0" && guest.Boot[$"down{device}"] == "0", guest.Boot.Everything);

    [Fact]
    public void Both_devices_get_new_code_together_beside_the_traffic()
    {
        Assert.True(guest.Reloads == "200\n200\n", guest.Reloads + guest.Boot.Everything);
        Assert.True(guest.Boot.Log.Split("plugin virtio-net: 2 of its devices stood still for ").Length == 3, guest.Boot.Everything);
    }

    [Fact]
    public void Debians_driver_takes_the_offloads_that_are_offered_and_only_those()
    {
        Assert.True(guest.Boot["features1"] is { } features && s_offloads.All(bit => features[bit] == '1'), guest.Boot.Everything);
        Assert.True(guest.Boot["features2"] is { } none && s_offloads.All(bit => none[bit] == '0'), guest.Boot.Everything);
    }

    [Fact]
    public void Frames_are_larger_than_the_mtu_with_offloads_and_never_without()
    {
        // How many segments a frame has is TCP's choice, by the pace of the connection; without offloads a mean above the MTU is not possible.
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(' ', new[] { "sent1", "received1", "sent2", "received2" }.Select(name => $"{name} {guest.MeanFrame(name)}")));
        Assert.True(guest.MeanFrame("sent1") > Frame && guest.MeanFrame("received1") > Frame, guest.Boot.Everything);
        Assert.True(guest.MeanFrame("sent2") is > 500 and <= Frame && guest.MeanFrame("received2") is > 500 and <= Frame, guest.Boot.Everything);
    }

    [Fact]
    public void The_driver_uses_a_pair_of_queues_for_each_vcpu() =>
        Assert.True(guest.Boot["queues1"] == "2" && guest.Boot["queues2"] == "1", guest.Boot.Everything);

    [Fact]
    public void The_log_has_nothing_to_say() => Assert.True(!guest.Boot.Log.Contains("WARN", StringComparison.Ordinal), guest.Boot.Log);
}
