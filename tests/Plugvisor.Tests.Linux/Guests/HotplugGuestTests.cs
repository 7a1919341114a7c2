using Plugvisor.Tests.Linux.Hosting;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>What Debian's stock kernel does with devices that come and go.</summary>
public sealed class HotplugGuestTests(HotplugGuest guest) : IClassFixture<HotplugGuest>
{
    private Boot Boot => guest.Boot;

    [Fact]
    public void Each_is_added_and_removed()
    {
        Assert.True(Boot.ScriptStatus == 0 && Boot.Status == 0, guest.Everything);
        for (int i = 1; i <= 3; i++) Assert.True(guest.Found($"add{i}.code") == "200" && guest.Found($"remove{i}.code") == "204", guest.Everything);
        Assert.True(guest.Found("events").Split("device-removed").Length == 4, guest.Everything);
    }

    [Fact]
    public async Task A_disk_is_mounted_and_written()
    {
        Assert.True(Boot["mount"] == "0" && Boot["greeting"] == "put there by the host" && Boot["diskgone"] == "0", guest.Everything);
        Assert.Equal("put there by the guest\n", await guest.Disk.ReadAsync("answer"));
        Assert.Equal("", await guest.Disk.CheckAsync());
    }

    [Fact]
    public void A_network_device_reaches_the_host_and_its_tap_goes_with_it()
    {
        Assert.True(Boot["mac"] == HotplugGuest.Mac && Boot["ping"] == "0" && Boot["netgone"] == "0", guest.Everything);
        Assert.True(guest.Found("ping.status") == "0", guest.Found("ping") + guest.Everything);
        Assert.DoesNotContain("vmtap", guest.Found("interfaces"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_balloon_takes_memory_and_its_end_gives_it_back_to_the_guest()
    {
        Assert.True(Boot["shrunk"] == "0" && Boot["grown"] == "0" && Boot["dd"] == "0", guest.Everything);
        Assert.InRange(guest.Number("after"), 1, guest.Number("before") - 60_000);
        Assert.True(guest.Found("twice.code") == "500" && guest.Found("twice").Contains("balloon", StringComparison.Ordinal), guest.Everything);
        Assert.False(guest.Found("info.code") == "204", guest.Everything);   // there is none to resize
    }
}
