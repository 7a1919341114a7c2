using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Cli;

/// <summary><c>--event-monitor</c> of the published program, with guests that make events.</summary>
public sealed class EventMonitorTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-events").FullName;

    private string Events => Path.Combine(_directory, "events");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_vm_that_boots_uses_a_disk_and_powers_off_is_told_from_starting_to_shutdown()
    {
        using var image = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-read", "reqs=10", "--disk", $"path={image.Path},image_type=raw", "--event-monitor", $"path={Events}");
        await vmm.FinishAsync();

        List<string> names = Names(Parse(await File.ReadAllTextAsync(Events, TestContext.Current.CancellationToken)));
        Assert.Equal(["vmm starting", "vm booting"], names[..2]);
        Assert.Equal(["vm shutdown", "vm deleted", "vmm shutdown"], names[^3..]);
        // The guest runs before the host says so: these two come in either order.
        Assert.Equal(["virtio-device activated _disk0", "vm booted"], names[2..^3].Order());
        Assert.Equal("", vmm.Log);
    }

    [Fact]
    public async Task A_reset_by_the_guest_is_a_reboot()
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", "case=reset", "--event-monitor", $"path={Events}");
        await WaitForAsync("rebooted");
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());

        List<string> names = Names(Parse(await File.ReadAllTextAsync(Events, TestContext.Current.CancellationToken)));
        int at = names.IndexOf("vm rebooting");
        Assert.Equal(["vm rebooting", "vm shutdown", "vm booting", "vm booted", "vm rebooted"], names.GetRange(at, 5));
    }

    [Fact]
    public async Task An_inherited_descriptor_gets_the_records_as_they_are_specified()
    {
        using VmmProcess vmm = VmmProcess.BootBy(["bash", "-c", $"exec \"$@\" 7>{Events}", "bash"], "hello", "", "--event-monitor", "fd=7");
        await vmm.FinishAsync();

        string text = await File.ReadAllTextAsync(Events, TestContext.Current.CancellationToken);
        Assert.Matches(
            """
            \A{
              "timestamp": {
                "secs": [0-9]+,
                "nanos": [0-9]+
              },
              "source": "vmm",
              "event": "starting",
              "properties": null
            }

            {
            """, text);
        Assert.EndsWith("\n}\n\n", text, StringComparison.Ordinal);
        Assert.Equal("vmm shutdown", Names(Parse(text))[^1]);
    }

    [Fact]
    public async Task A_fifo_that_nobody_reads_delays_nothing()
    {
        using (Process mkfifo = Process.Start("mkfifo", [Events])) await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        // At best: a start may be late on a busy machine.
        TimeSpan quick = TimeSpan.FromSeconds(5), best = TimeSpan.MaxValue;
        for (int i = 0; i < 3 && best > quick; i++)
        {
            var watch = Stopwatch.StartNew();
            using VmmProcess vmm = VmmProcess.Boot("hello", "", "--event-monitor", $"path={Events}");
            await vmm.FinishAsync();
            if (watch.Elapsed < best) best = watch.Elapsed;
        }

        Assert.True(best < quick, $"it took {best}");
    }

    [Fact]
    public async Task A_reader_that_is_gone_does_not_end_the_vm()
    {
        using VmmProcess vmm = VmmProcess.BootBy(["bash", "-c", "exec \"$@\" 7> >(:)", "bash"], "console", "", "--event-monitor", "fd=7", "--console", "null");
        await vmm.WaitForAsync("its reader is gone");
        await vmm.WaitForAsync("console ready");
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Fact]
    public async Task Hostile_21_a_driver_that_toggles_its_device_makes_a_bounded_number_of_events()
    {
        using var image = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", "case=21", "--disk", $"path={image.Path},image_type=raw", "--event-monitor", $"path={Events}");
        var watch = Stopwatch.StartNew();
        await vmm.FinishAsync();

        List<JsonElement> events = Parse(await File.ReadAllTextAsync(Events, TestContext.Current.CancellationToken));
        int told = events.Count(record => record.GetProperty("source").GetString() == "virtio-device");
        Assert.InRange(told, 20, 30 + (int)(watch.Elapsed.TotalSeconds * 11));
        Assert.Contains(events, record => record.GetProperty("properties") is { ValueKind: JsonValueKind.Object } properties && properties.TryGetProperty("merged", out _));
    }

    [Theory]
    [InlineData("path=/nowhere/at/all", "Error opening the event monitor /nowhere/at/all", "No such file or directory")]
    [InlineData("fd=77", "Error opening the event monitor fd=77", "Bad file descriptor")]
    [InlineData("file=x", "Error parsing --event-monitor", "Unknown option: file")]
    [InlineData("path=x,fd=1", "Error parsing --event-monitor", "has to name one place")]
    [InlineData("", "Error parsing --event-monitor", "has to name one place")]
    public async Task A_place_that_cannot_be_written_ends_the_start_with_its_reason(string value, string what, string why)
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--event-monitor", value);
        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains($"  0: {what}", vmm.Log, StringComparison.Ordinal);
        Assert.Contains(why, vmm.Log, StringComparison.Ordinal);
    }

    private static List<JsonElement> Parse(string text)
    {
        var records = new List<JsonElement>();
        foreach (string record in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)) records.Add(JsonElement.Parse(record));
        return records;
    }

    private static List<string> Names(List<JsonElement> records)
    {
        var names = new List<string>();
        foreach (JsonElement record in records)
        {
            var name = new StringBuilder($"{record.GetProperty("source")} {record.GetProperty("event")}");
            if (record.GetProperty("properties") is { ValueKind: JsonValueKind.Object } properties) name.Append(' ').Append(properties.GetProperty("id"));
            names.Add(name.ToString());
        }

        return names;
    }

    /// <summary>Follows the file until an event is in it.</summary>
    private async Task WaitForAsync(string name)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var tail = Process.Start(new ProcessStartInfo("tail", ["-n", "+1", "-qF", Events]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            while (await tail.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.Contains($"\"{name}\"", StringComparison.Ordinal)) return;
            }
        }
        finally
        {
            tail.Kill();
        }
    }
}
