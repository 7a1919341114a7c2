using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Debian's driver on a tap interface.</summary>
public sealed class NetGuestTests(NetGuest guest) : IClassFixture<NetGuest>
{
    private string Everything => guest.Boot.Everything + guest.Found("address") + guest.Found("ping");

    [Fact]
    public void The_guest_pings_the_host() => Assert.True(guest.Boot["ping"] == "0", Everything);

    [Fact]
    public void The_host_pings_the_guest() => Assert.True(guest.Found("ping.status") == "0", Everything);

    [Fact]
    public void The_guest_has_the_address_mtu_and_link_that_the_option_says()
    {
        Assert.True(guest.Boot["mac"] == NetGuest.Mac, Everything);
        Assert.True(guest.Boot["mtu"] == "1400" && guest.Boot["carrier"] == "1", Everything);
    }

    [Fact]
    public void The_made_interface_has_the_hosts_address_and_goes_with_the_vmm()
    {
        Assert.True(guest.Found("address").Contains("192.168.249.1/24", StringComparison.Ordinal), Everything);
        Assert.True(guest.Found("after") == "gone", Everything);
    }

    [Fact]
    public void Each_direction_has_an_interrupt() => Assert.True(guest.Boot["irqs"] == "2", Everything);
}
