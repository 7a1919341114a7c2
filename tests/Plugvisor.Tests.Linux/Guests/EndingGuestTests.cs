using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>How a machine ends or begins anew, and what is on its disk then.</summary>
public sealed class EndingGuestTests(EndingGuests guests) : IClassFixture<EndingGuests>
{
    [Fact]
    public void A_guest_that_reboots_comes_up_again_in_the_same_process()
    {
        Assert.True(guests.Rebooting is { ScriptStatus: 0, Status: 0 }, guests.Rebooting.Everything);
        Assert.True(guests.Rebooting.Output.Contains("boot=first", StringComparison.Ordinal), guests.Rebooting.Everything);
        Assert.True(guests.Rebooting["boot"] == "second", guests.Rebooting.Everything);
    }

    [Fact]
    public void Sigterm_ends_the_process_with_0()
    {
        Assert.True(guests.Terminated["idle"] == "1", guests.Terminated.Everything);
        Assert.True(guests.Terminated is { ScriptStatus: null, Status: 0 }, guests.Terminated.Everything);
    }

    [Fact]
    public async Task Hostile_30_what_was_flushed_is_on_the_disk_after_a_kill()
    {
        Assert.True(guests.Killed["flushed"] == "1" && guests.Killed.Status == 137, guests.Killed.Everything);
        Assert.Equal("", await guests.KilledDisk.RecoverAsync());
        string numbers = await guests.KilledDisk.ReadAsync("numbers");
        Assert.Equal(string.Concat(Enumerable.Range(1, 100_000).Select(number => $"{number}\n")), numbers);
    }
}
