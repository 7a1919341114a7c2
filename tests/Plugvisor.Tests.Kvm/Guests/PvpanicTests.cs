using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class PvpanicTests
{
    [Fact]
    public async Task A_guest_reports_its_panics_by_mmio_of_every_width()
    {
        using VmmProcess vmm = VmmProcess.Boot("pvpanic", "events=1,2,7", "--pvpanic");

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("pvpanic class 08800001 size 16 events 3 widths 1 reports 3 ") && serial.Contains(" ok"), vmm.Everything());
        foreach (string name in (string[])["panic", "crash_loaded", "unknown_event"])
            Assert.Single(Regex.Matches(vmm.Log, $@"guest: reports panic \(event={name}\)"));
    }

    [Fact]
    public async Task A_guest_that_reports_without_end_gets_one_line_a_second()
    {
        using VmmProcess vmm = VmmProcess.Boot("pvpanic", "events=1 times=5000", "--pvpanic");

        string serial = await vmm.FinishAsync();

        Match took = Regex.Match(serial, @"reports 5000 in (\d+) ms");
        Assert.True(took.Success, vmm.Everything());
        Assert.InRange(Regex.Count(vmm.Log, "reports panic"), 1, 1 + int.Parse(took.Groups[1].Value) / 1000);
    }
}
