using System.Globalization;

namespace Plugvisor.Bench;

/// <summary>Time on a CPU, from /proc: less disturbed by a busy machine than what passes on the wall.</summary>
internal static class ThreadTime
{
    /// <summary>Of the thread of this process that has the name; 0 when there is none.</summary>
    public static long Nanoseconds(string name)
    {
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            if (File.ReadAllText(task + "/comm").Trim() != name) continue;
            return long.Parse(File.ReadAllText(task + "/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
        }

        return 0;
    }
}
