using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>pvpanic with Debian's own driver.</summary>
public sealed class PanicGuestTests(PanicGuests guests) : IClassFixture<PanicGuests>
{
    [Fact]
    public void Linux_binds_its_driver_to_the_device_in_the_last_slots() =>
        Assert.True(guests.Panicking["function"] == "0000:00:02.0", guests.Panicking.Everything);

    [Fact]
    public void The_event_monitor_tells_of_it_once() =>
        Assert.Single(Regex.Matches(guests.Events, """ "source": "guest",\s+"event": "panic",\s+"properties": \{\s+"event": "panic"\s+\}"""));

    [Fact]
    public void A_panic_of_the_kernel_becomes_an_event_and_the_vmm_goes_on()
    {
        Assert.True(guests.Panicking.Output.Contains("sysrq triggered crash", StringComparison.Ordinal), guests.Panicking.Everything);
        Assert.True(guests.Panicking.Log.Contains("guest: reports panic (event=panic)", StringComparison.Ordinal), guests.Panicking.Everything);
        Assert.True(guests.Panicking is { Status: 0, ScriptStatus: null }, guests.Panicking.Everything);
    }
}
