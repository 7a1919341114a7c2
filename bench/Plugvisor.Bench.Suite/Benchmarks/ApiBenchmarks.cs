using System.Diagnostics;
using Plugvisor.Bench.Suite.Tools;

namespace Plugvisor.Bench.Suite.Benchmarks;

/// <summary>How soon and how quickly the REST API answers, beside a guest that runs.</summary>
internal static class ApiBenchmarks
{
    /// <summary>Exec to the answer of the first ping. The client tries to connect from the first moment on, as an orchestrator does.</summary>
    public static Benchmark FirstPing(Inputs inputs) => new(
        "exec_to_first_ping", "From exec to the first ping answered, while a guest boots", "ms", false, 15, "within 250 ms",
        [new("plugvisor", () => WithVmm(inputs, static (start, socket) =>
        {
            using PingClient client = PingClient.Connect(socket);
            client.Ping();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }))]);

    /// <summary>One client on a connection that it keeps, the median of its pings.</summary>
    public static Benchmark Ping(Inputs inputs) => new(
        "ping", "A ping over a kept connection (median of 2,000)", "ms", false, 5, "below 1 ms",
        [new("plugvisor", () => WithVmm(inputs, static (_, socket) =>
        {
            using PingClient client = PingClient.Connect(socket);
            for (int i = 0; i < 200; i++) client.Ping();
            double[] samples = new double[2000];
            for (int i = 0; i < samples.Length; i++) samples[i] = client.Ping();
            return Percentile(samples, 50);
        }))]);

    /// <summary>Fifty clients, each of which pings a hundred times a second; the 99th percentile of all pings.</summary>
    public static Benchmark FiftyClients(Inputs inputs) => new(
        "ping_50_clients", "A ping while 50 clients ping 100 times a second each (99th percentile)", "ms", false, 5, "below 5 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) => Crowd(inputs, socket, pause: 10_000)))]);

    /// <summary>Fifty clients that ask again as soon as they are answered: all processors are busy, half of them with the clients.</summary>
    public static Benchmark FiftyBusyClients(Inputs inputs) => new(
        "ping_50_busy_clients", "A ping while 50 clients ping without a pause (99th percentile)", "ms", false, 5, "below 5 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) => Crowd(inputs, socket, pause: 0)))]);

    /// <summary>Pause, as its caller sees it, of a guest that polls; resumed each time.</summary>
    public static Benchmark Pause(Inputs inputs) => new(
        "pause", "A pause of a running guest, answered (99th percentile of 300)", "ms", false, 5, "within 10 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) => Pauses(inputs, socket)))]);

    /// <summary>The same while the guest reads from its disk with 32 requests in flight.</summary>
    public static Benchmark PauseUnderLoad(Inputs inputs) => new(
        "pause_disk", "A pause of a guest with 32 disk reads in flight, answered (99th percentile of 300)", "ms", false, 5, "within 10 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) => Pauses(inputs, socket), inputs.Guest("blk-read"), "qd=32 secs=100",
            "--disk", $"path={inputs.PatternImage},readonly=on"))]);

    /// <summary>A disk added to a running guest, as the client sees it. The guest opens it, and lets go of it before the next one.</summary>
    public static Benchmark HotAdd(Inputs inputs) => HotAdd(inputs, "hot_add", "A disk added to a running guest, answered (median of 200)", "p50");

    /// <summary>The same, the 99th percentile.</summary>
    public static Benchmark HotAddTail(Inputs inputs) =>
        HotAdd(inputs, "hot_add_p99", "A disk added to a running guest, answered (99th percentile of 200)", "p99");

    /// <summary>The very first request of a VMM, a second after its start: an operator's disk for a guest that runs.</summary>
    public static Benchmark FirstHotAdd(Inputs inputs) => new(
        "hot_add_first", "A disk added by a VMM's very first request, a second after its start", "ms", false, 15, "within 20 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) =>
        {
            using var never = new ManualResetEventSlim();   // set by nobody: the operator thinks for a second
            never.Wait(TimeSpan.FromSeconds(1));
            return HotAdds(inputs, socket, "p50", count: 1, warmup: 0);
        }, inputs.Guest("hotplug"), "ejects=0 quiet=1 secs=100"))]);

    private static Benchmark HotAdd(Inputs inputs, string name, string title, string percentile) => new(
        name, title, "ms", false, 5, "within 20 ms",
        [new("plugvisor", () => WithVmm(inputs, (_, socket) => HotAdds(inputs, socket, percentile), inputs.Guest("hotplug"), "ejects=0 quiet=1 secs=100"))]);

    private static double HotAdds(Inputs inputs, string socket, string percentile, int count = 200, int warmup = 20) => ChildProcess.NumberAfter(percentile, ChildProcess.Run(
        inputs.ApiClients, socket, "1", "10000", $"{count}", $"{warmup}",
        "PUT", $$"""/api/v1/vm.add-disk {"id":"late","path":"{{inputs.PatternImage}}","readonly":true,"image_type":"Raw"}""",
        "PUT", """/api/v1/vm.remove-device {"id":"late"}"""));

    private static double Crowd(Inputs inputs, string socket, int pause) => ChildProcess.NumberAfter("p99", ChildProcess.Run(
        inputs.ApiClients, socket, "50", $"{pause}", "200", "20", "GET", "/api/v1/vmm.ping"));

    private static double Pauses(Inputs inputs, string socket) => ChildProcess.NumberAfter("p99", ChildProcess.Run(
        inputs.ApiClients, socket, "1", "3000", "300", "20", "PUT", "/api/v1/vm.pause", "PUT", "/api/v1/vm.resume"));

    private static double Percentile(double[] samples, int percent)
    {
        Array.Sort(samples);
        return samples[samples.Length * percent / 100];
    }

    private static double WithVmm(
        Inputs inputs, Func<long, string, double> measure, string? guest = null, string commandLine = "", params string[] more)
    {
        string socket = Path.Combine(Path.GetTempPath(), $"plugvisor-bench-{Environment.ProcessId}.sock");
        long start = Stopwatch.GetTimestamp();
        using Process process = ChildProcess.Start(
            inputs.Plugvisor,
            [
                "--kernel", guest ?? inputs.Guest("console"), "--cmdline", commandLine, "--memory", "size=256M", "--serial", "tty", "--console", "null",
                "--api-socket", socket, .. more,
            ]);
        try
        {
            _ = process.StandardError.ReadToEndAsync();
            _ = process.StandardOutput.ReadToEndAsync();
            return measure(start, socket);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            File.Delete(socket);
            File.Delete(socket + ".lock");
        }
    }
}
