using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>The queue's side of the watchdog. What it does when nobody feeds it takes 30 s, so it is tested on a clock of the test's own (unit tier).</summary>
public sealed class WatchdogTests
{
    [Fact]
    public async Task A_guest_feeds_the_watchdog_resets_it_and_feeds_it_again()
    {
        using VmmProcess vmm = VmmProcess.Boot("watchdog", "pings=50 ms=1", "--watchdog", "-v");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("watchdog queue 8 features 100000000 pings 50 of 50 again 1 ok"), vmm.Everything());
        Assert.Equal(2, vmm.Log.Split("first ping").Length - 1);
    }
}
