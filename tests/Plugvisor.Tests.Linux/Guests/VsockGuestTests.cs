using System.Text.Json;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Streams between a Linux guest and the host, with Debian's driver.</summary>
public sealed class VsockGuestTests(VsockGuest guest) : IClassFixture<VsockGuest>
{
    [Theory]
    [InlineData(1, "the guest connects")]
    [InlineData(2, "the host connects")]
    [InlineData(3, "the guest connects by the device that was added")]
    public void Both_directions_of_a_stream_arrive_whole(int stream, string how)
    {
        Assert.True(guest.Boot[$"status{stream}"] == "0", $"{how}: {guest.Boot.Everything}");
        Assert.True(guest.Boot[$"got{stream}"] == guest.HostsSum, $"{how}, to the guest: {guest.Boot.Everything}");
        Assert.True(guest.Boot["sum"] is { Length: 64 } sum && sum == guest.SumOf($"got{stream}"), $"{how}, from the guest: {guest.Boot.Everything}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_plugin_gets_new_code_in_the_middle_of_a_stream(int stream) =>
        Assert.True(guest.Found($"reload{stream}.status") == "200", guest.Found($"reload{stream}") + guest.Boot.Everything);

    [Fact]
    public void The_socket_is_the_owners_and_goes_with_the_device()
    {
        Assert.Equal("600", guest.Found("mode"));
        Assert.Equal("gone", guest.Found("after"));
    }

    [Fact]
    public void It_is_removed_and_added_over_rest()
    {
        Assert.True(guest.Found("remove.status") == "204", guest.Found("remove") + guest.Boot.Everything);
        Assert.True(guest.Boot["gone"] == "0" && guest.Boot["back"] == "1", guest.Boot.Everything);
        Assert.True(guest.Found("add.status") == "200", guest.Found("add") + guest.Boot.Everything);
        Assert.Equal("second", JsonElement.Parse(guest.Found("add")).GetProperty("id").GetString());
    }

    [Fact]
    public void There_is_one_at_a_time()
    {
        Assert.Equal("500", guest.Found("twice.status"));
        Assert.Equal("""["Error from API","The vsock device could not be added to the VM","Too many virtio-vsock devices"]""", guest.Found("twice"));
    }

    [Fact]
    public void It_is_counted_and_shown()
    {
        JsonElement counters = JsonElement.Parse(guest.Found("counters")).GetProperty("_vsock0");
        Assert.Equal(8_000_000, counters.GetProperty("rx_bytes").GetInt64());
        Assert.Equal(8_000_000, counters.GetProperty("tx_bytes").GetInt64());
        JsonElement config = JsonElement.Parse(guest.Found("before")).GetProperty("config").GetProperty("vsock");
        Assert.Equal(3, config.GetProperty("cid").GetInt32());
        Assert.Equal("_vsock0", config.GetProperty("id").GetString());
    }

    [Fact]
    public void The_log_has_nothing_to_say() => Assert.True(!guest.Boot.Log.Contains("WARN", StringComparison.Ordinal), guest.Boot.Log);
}
