using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class PvpanicTests
{
    [Fact]
    public async Task A_guest_reports_its_panics_by_mmio_of_every_width()
    {
        string events = Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.events");
        try
        {
            using VmmProcess vmm = VmmProcess.Boot("pvpanic", "events=1,2,7", "--pvpanic", "--event-monitor", $"path={events}");

            string serial = await vmm.FinishAsync();

            Assert.True(serial.Contains("pvpanic class 08800001 size 16 events 3 widths 1 reports 3 ") && serial.Contains(" ok"), vmm.Everything());
            string told = await File.ReadAllTextAsync(events, TestContext.Current.CancellationToken);
            MatchCollection panics = Regex.Matches(
                told, """ "source": "guest",\s+"event": "panic",\s+"properties": \{\s+"event": "(\w+)"\s+\}""");
            Assert.Equal(["panic", "crash_loaded", "unknown_event"], panics.Select(panic => panic.Groups[1].Value));
            Assert.True(panics[^1].Index < told.LastIndexOf("shutdown", StringComparison.Ordinal), told);
            foreach (Match panic in panics) Assert.Single(Regex.Matches(vmm.Log, $@"guest: reports panic \(event={panic.Groups[1].Value}\)"));
        }
        finally
        {
            File.Delete(events);
        }
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
