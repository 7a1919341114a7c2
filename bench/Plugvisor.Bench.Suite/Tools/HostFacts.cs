namespace Plugvisor.Bench.Suite.Tools;

/// <summary>What the page says of the machine.</summary>
internal static class HostFacts
{
    public static string Cpu()
    {
        foreach (string line in File.ReadLines("/proc/cpuinfo"))
        {
            if (line.StartsWith("model name", StringComparison.Ordinal)) return line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }

        return "unknown CPU";
    }
}
