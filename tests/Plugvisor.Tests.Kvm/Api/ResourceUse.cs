using System.Globalization;

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
}
