using System.Diagnostics;
using System.Globalization;
using Plugvisor.Bench.Suite.Tools;

namespace Plugvisor.Bench.Suite.Benchmarks;

/// <summary>From exec to a guest that does something, and what the idle VMM costs.</summary>
internal static class StartBenchmarks
{
    private const string Qemu = "qemu-system-x86_64";

    private static readonly string ApiSocket = Path.Combine(Path.GetTempPath(), $"plugvisor-bench-{Environment.ProcessId}.sock");

    /// <summary>Exec to "hello" on serial, of the same guest.</summary>
    public static Benchmark Hello(Inputs inputs)
    {
        string guest = inputs.Guest("hello");
        return new Benchmark("exec_to_hello", "From exec to \"hello\" on serial", "ms", false, 15, "within 100 ms",
        [
            new("plugvisor", () => ChildProcess.MillisecondsUntil("hello", inputs.Plugvisor, Inputs.Ours(guest, ""))),
            new("qemu-microvm", () => ChildProcess.MillisecondsUntil("hello", Qemu, Inputs.Qemu("microvm", guest, ""))),
            new("qemu-q35", () => ChildProcess.MillisecondsUntil("hello", Qemu, Inputs.Qemu("q35", guest, ""))),
        ]);
    }

    /// <summary>
    /// Exec to the first entry into the guest, which the VMM logs with a wall-clock time right before it. Writing that one line is part of
    /// what is measured.
    /// </summary>
    public static Benchmark FirstInstruction(Inputs inputs)
    {
        string guest = inputs.Guest("hello");
        return new Benchmark("exec_to_first_instruction", "From exec to the first guest instruction", "ms", false, 15, null,
        [
            new("plugvisor", () => EnterGuest(inputs.Plugvisor, Inputs.Ours(guest, ""))),
            new("with its REST API", () => EnterGuest(inputs.Plugvisor, Inputs.Ours(guest, "", api: ApiSocket))),
        ]);
    }

    /// <summary>Private dirty memory of the idle VMM, without guest RAM.</summary>
    public static Benchmark IdleMemory(Inputs inputs)
    {
        string guest = inputs.Guest("console");
        return new Benchmark("idle_private_dirty", "Private dirty memory of an idle VMM, without guest RAM", "MiB", false, 5, "at most 20 MiB",
        [
            new("plugvisor", () => PrivateDirty(inputs.Plugvisor,
                ["--kernel", guest, "--memory", "size=256M", "--serial", "tty", "--console", "null", "--api-socket", "none"], "memfd:guest-ram")),
            new("with its REST API", () => PrivateDirty(inputs.Plugvisor,
                ["--kernel", guest, "--memory", "size=256M", "--serial", "tty", "--console", "null", "--api-socket", ApiSocket], "memfd:guest-ram", ApiSocket)),
            new("qemu-q35", () => PrivateDirty(Qemu,
            [
                .. Inputs.Qemu("q35,memory-backend=ram", guest, ""), "-object", "memory-backend-memfd,id=ram,size=256M",
                "-device", "virtio-serial-pci,disable-legacy=on", "-chardev", "null,id=c", "-device", "virtconsole,chardev=c",
            ], "memfd:memory-backend-memfd")),
        ]);
    }

    private static double EnterGuest(string program, IEnumerable<string> arguments)
    {
        DateTimeOffset start = TimeProvider.System.GetUtcNow();
        using Process process = ChildProcess.Start(program, [.. arguments, "-v", "--log-format", "{wallclock}|{msg}"]);
        Task<string> log = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        foreach (string line in log.GetAwaiter().GetResult().Split('\n'))
        {
            string[] parts = line.Split('|');
            if (parts.Length == 2 && parts[1].StartsWith("entering the guest", StringComparison.Ordinal))
                return (DateTimeOffset.Parse(parts[0], CultureInfo.InvariantCulture) - start).TotalMilliseconds;
        }

        throw new InvalidOperationException("plugvisor did not log that it enters the guest");
    }

    private static double PrivateDirty(string program, IEnumerable<string> arguments, string guestRam, string? api = null)
    {
        using Process process = ChildProcess.Start(program, arguments);
        try
        {
            _ = process.StandardError.ReadToEndAsync();
            string? line;
            do
            {
                line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{program} ended before its guest was idle");
            }
            while (!line.Contains("console ready", StringComparison.Ordinal));
            if (api is not null)
            {
                using PingClient client = PingClient.Connect(api);
                client.Ping();
            }

            long kilobytes = 0;
            string mapping = "";
            foreach (string entry in File.ReadLines($"/proc/{process.Id}/smaps"))
            {
                if (!entry.Contains("kB", StringComparison.Ordinal)) mapping = entry;
                else if (entry.StartsWith("Private_Dirty:", StringComparison.Ordinal) && !mapping.Contains(guestRam, StringComparison.Ordinal))
                    kilobytes += (long)ChildProcess.NumberAfter("Private_Dirty:", entry);
            }

            return kilobytes / 1024.0;
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
    }
}
