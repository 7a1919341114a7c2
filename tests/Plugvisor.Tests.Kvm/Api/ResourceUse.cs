using System.Globalization;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>What a process holds: descriptors, threads, memory of its own.</summary>
internal sealed record ResourceUse(int Descriptors, int Threads, long PrivateKib)
{
    public static ResourceUse Of(int process)
    {
        long kib = 0;
        foreach (string line in File.ReadLines($"/proc/{process}/smaps_rollup"))
        {
            if (line.StartsWith("Private_Dirty:", StringComparison.Ordinal)) kib = long.Parse(line.AsSpan(14).TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
        }

        return new ResourceUse(
            Directory.GetFiles($"/proc/{process}/fd").Length, Directory.GetDirectories($"/proc/{process}/task").Length, kib);
    }

    /// <summary>
    /// Waits until the process holds hardly more than this; a minute at most. Threads that are just ending, and those of the runtime's pool, go by themselves; what leaked stays.
    /// </summary>
    /// <param name="process">Whose use this was.</param>
    /// <param name="descriptors">How many more there may be.</param>
    /// <param name="threads">The same for threads: the pool breathes.</param>
    /// <param name="kib">The same for memory.</param>
    public async Task HoldsAsync(int process, int descriptors, int threads, long kib)
    {
        for (long deadline = Environment.TickCount64 + 60_000; ; await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            ResourceUse now = Of(process);
            if (now.Descriptors <= Descriptors + descriptors && now.Threads <= Threads + threads && now.PrivateKib <= PrivateKib + kib) return;
            Assert.True(Environment.TickCount64 < deadline, $"{this} became {now}");
        }
    }
}
