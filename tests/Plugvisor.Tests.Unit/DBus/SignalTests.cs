using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>The Event signal, as stock monitors see it.</summary>
public sealed class SignalTests : IAsyncLifetime
{
    private static readonly TimeSpan s_quick = TimeSpan.FromMilliseconds(200);

    private BusRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await BusRig.StartAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task Each_event_is_a_signal_with_the_monitors_document()
    {
        using Process monitor = await MonitorAsync();
        _rig.Events.Publish("vm", "booted");
        _rig.Events.Publish("virtio-device", "activated", new Dictionary<string, string> { ["id"] = "_disk0" });

        string[] lines = await ReadAsync(monitor, 22);
        Assert.StartsWith("signal ", lines[0]);
        Assert.Contains($"path={BusRig.ObjectPath}; interface={BusRig.Interface}; member=Event", lines[0]);
        string first = string.Join('\n', lines[1..10]), second = string.Join('\n', lines[11..]);
        Assert.Matches(
            "^   string \"\\{\n  \"timestamp\": \\{\n    \"secs\": \\d+,\n    \"nanos\": \\d+\n  \\},\n  \"source\": \"vm\",\n  \"event\": \"booted\",\n  \"properties\": null\n\\}\"$",
            first);
        Assert.Contains("\"event\": \"activated\",\n  \"properties\": {\n    \"id\": \"_disk0\"", second);
    }

    [Fact]
    public async Task Signals_keep_the_order_of_the_events()
    {
        const int Count = 500;
        using Process monitor = await MonitorAsync();
        for (int i = 0; i < Count; i++) _rig.Events.Publish("test", "e" + i);
        string[] lines = await ReadAsync(monitor, Count * 10);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"  \"event\": \"e{i}\","), lines.Where(line => line.Contains("\"event\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Events_of_the_start_are_signalled_once_the_bus_is_there()
    {
        await using var rig = new BusRig("org.plugvisor.Early");
        using Process monitor = await MonitorAsync(rig.Bus);
        rig.Start();
        rig.Events.Publish("vmm", "starting");
        string[] lines = await ReadAsync(monitor, 25, withReady: true);
        Assert.Contains("  \"event\": \"starting\",", lines);
        Assert.Contains("  \"event\": \"api-ready\",", lines);
        Assert.Contains("    \"service\": \"org.plugvisor.Early\",", lines);
    }

    [Fact]
    public async Task The_last_events_and_answers_are_sent_before_the_bus_is_left()
    {
        var rig = new BusRig("org.plugvisor.Last");
        using Process monitor = await MonitorAsync(rig.Bus);
        rig.Start();
        await rig.Logs.WaitForAsync("D-Bus API: ");
        var answer = new TaskCompletionSource<Plugvisor.Api.ApiReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Api.Answer = (_, _) =>
        {
            asked.SetResult();
            return answer.Task;
        };
        Task<(int Code, string Output)> call = rig.Bus.RunAsync(
            "busctl", "--user", "call", "org.plugvisor.Last", BusRig.ObjectPath, BusRig.Interface, "VmmShutdown");
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken);

        rig.Events.Publish("vmm", "shutdown");
        Task left = rig.DBus.DisposeAsync().AsTask();
        answer.SetResult(Plugvisor.Api.ApiReply.Empty);

        Assert.Equal((0, ""), await call);
        Assert.Contains("  \"event\": \"shutdown\",", await ReadAsync(monitor, 10));
        await left;
        rig.Bus.Dispose();
    }

    [Fact]
    public async Task A_bus_that_does_not_read_stalls_nobody()
    {
        _rig.Bus.Signal("STOP");
        var clock = Stopwatch.StartNew();
        string text = new('x', 10_000);
        for (int i = 0; i < 5_000; i++) _rig.Events.Publish("test", text);
        // By now there is no room left anywhere, so that each of these would wait: libsystemd for 25 s.
        TimeSpan best = Best.Of(s_quick, () =>
        {
            for (int i = 0; i < 1_000; i++) _rig.Events.Publish("test", text);
        });
        Assert.InRange(best, TimeSpan.Zero, s_quick);

        await _rig.DBus.DisposeAsync();
        Assert.InRange(clock.ElapsedMilliseconds, 0, 20_000);
        _rig.Bus.Signal("CONT");
        Assert.Empty(_rig.Logs.Errors);
    }

    private Task<Process> MonitorAsync() => MonitorAsync(_rig.Bus);

    /// <summary>dbus-monitor for our signal, which has begun to listen.</summary>
    private static async Task<Process> MonitorAsync(PrivateBus bus)
    {
        Process monitor = bus.StartClient("dbus-monitor", "--session", $"type='signal',interface='{BusRig.Interface}'");
        // The first line is about the monitor's own name, which it loses when it becomes a monitor.
        while (await monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains("NameLost", StringComparison.Ordinal)) break;
        }

        _ = await monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return monitor;
    }

    /// <param name="monitor">The monitor.</param>
    /// <param name="count">Lines.</param>
    /// <param name="withReady">Whether the event that the API is ready counts; it may or may not be over when a monitor starts.</param>
    private static async Task<string[]> ReadAsync(Process monitor, int count, bool withReady = false)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        List<string> lines = [], signal = [];
        try
        {
            while (lines.Count < count && await monitor.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                signal.Add(line);
                if (line != "}\"") continue;
                if (withReady || !signal.Contains("  \"event\": \"api-ready\",")) lines.AddRange(signal);
                signal.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"only {lines.Count} lines of {count}:\n{string.Join('\n', lines)}");
        }

        monitor.Kill(entireProcessTree: true);
        return [.. lines];
    }
}
