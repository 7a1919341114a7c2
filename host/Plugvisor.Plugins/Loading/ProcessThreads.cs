using System.Globalization;

namespace Plugvisor.Plugins.Loading;

/// <summary>The threads of this process as the kernel lists them. Empty answers where /proc does not tell.</summary>
internal static class ProcessThreads
{
    private const string Folder = "/proc/self/task";
    private const int MaxNames = 8;

    // The runtime's own: the pool's, the finalizer's, those of signals.
    private const string Runtime = ".NET";

    /// <summary>Their ids now.</summary>
    public static HashSet<int> Ids()
    {
        var ids = new HashSet<int>();
        try
        {
            foreach (string task in Directory.EnumerateDirectories(Folder))
            {
                if (int.TryParse(Path.GetFileName(task.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int id)) ids.Add(id);
            }
        }
        catch (IOException)
        {
        }

        return ids;
    }

    /// <summary>Names of threads that came later than these, without those that the runtime starts for itself.</summary>
    public static IReadOnlyList<string> NamesBeyond(HashSet<int> earlier)
    {
        var names = new List<string>();
        foreach (int id in Ids())
        {
            if (earlier.Contains(id) || names.Count >= MaxNames) continue;
            try
            {
                string name = File.ReadAllText($"{Folder}/{id}/comm").TrimEnd('\n');
                if (!name.StartsWith(Runtime, StringComparison.Ordinal) && !names.Contains(name)) names.Add(name);
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return names;
    }
}
