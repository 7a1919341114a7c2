using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Catalog;

/// <summary>
/// What plugins there are, read without loading any of their code. A plugin is a folder <c>DIRECTORY/NAME/</c> whose one assembly has a manifest. A later
/// directory's plugin replaces an earlier one's of the same kind; two of a kind in one directory are both refused, because nothing says which is meant.
/// Immutable after the scan; any thread. Scanning throws for nothing that lies in the directories.
/// </summary>
public sealed class PluginCatalog
{
    private readonly List<PluginEntry> _entries = [];
    private readonly List<PluginEntry> _ready = [];

    private PluginCatalog()
    {
    }

    /// <summary>Everything that was looked at, in the order of directories and names.</summary>
    public IReadOnlyList<PluginEntry> Entries => _entries;

    /// <summary>The plugins that can be loaded, in the order in which their devices get slots.</summary>
    public IReadOnlyList<PluginEntry> Ready => _ready;

    /// <summary>Looks at plugin directories.</summary>
    /// <param name="directories">Later ones win over earlier ones. One that is not there gives an entry that says so.</param>
    /// <param name="isReserved">Names of the host's own options and sections, which no plugin may take; null for none.</param>
    public static PluginCatalog Scan(IReadOnlyList<string> directories, Predicate<string>? isReserved = null)
    {
        var catalog = new PluginCatalog();
        for (var i = 0; i < directories.Count; i++) catalog.ScanDirectory(directories[i], isReserved);
        catalog._ready.AddRange(ReadyOf(catalog._entries));
        return catalog;
    }

    /// <summary>The folders of a directory that may be plugins, in the order of their names: all but hidden ones, in which who copies may prepare them.</summary>
    /// <exception cref="IOException">The directory is not there, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static List<string> FoldersOf(string directory)
    {
        var all = Directory.GetDirectories(directory);
        var folders = new List<string>(all.Length);
        foreach (var folder in all)
        {
            if (!Path.GetFileName(folder.AsSpan()).StartsWith('.')) folders.Add(folder);
        }

        folders.Sort(OrdinalOrder.Compare);
        return folders;
    }

    /// <summary>Looks at one plugin folder, for a plugin that comes later.</summary>
    /// <param name="folder">Its absolute path.</param>
    /// <param name="isReserved">As in <see cref="Scan"/>.</param>
    public static PluginEntry Examine(string folder, Predicate<string>? isReserved = null)
    {
        var entry = PluginFolder.Read(folder);
        if (entry.Status == PluginStatus.Ready && isReserved is not null && IsReserved(entry.Declaration!, isReserved))
            entry.Refuse($"its kind `{entry.Declaration!.Kind}` (section `{entry.Declaration.Section}`) is one of the host's own options");
        return entry;
    }

    /// <summary>The entries that can be loaded, in the order in which their devices get slots.</summary>
    public static List<PluginEntry> ReadyOf(IReadOnlyList<PluginEntry> entries)
    {
        var ready = new List<PluginEntry>(entries.Count);
        foreach (var entry in entries)
        {
            if (entry.Status == PluginStatus.Ready) ready.Add(entry);
        }

        ready.Sort(static (left, right) => Order(left.Declaration!, right.Declaration!));
        return ready;
    }

    /// <summary>Why one of two ready plugins cannot be there beside the other, or null.</summary>
    public static string? WhyClash(PluginEntry own, PluginEntry other) => Clashes(own, other) ? Clash(own, other) : null;

    /// <summary>The plugin for a kind, or null.</summary>
    public PluginEntry? Find(string kind)
    {
        foreach (var entry in _ready)
        {
            if (entry.Declaration!.Kind == kind) return entry;
        }

        return null;
    }

    /// <summary>The plugin for a section of VmConfig, or null.</summary>
    public PluginEntry? FindSection(string section)
    {
        foreach (var entry in _ready)
        {
            if (entry.Declaration!.Section == section) return entry;
        }

        return null;
    }

    private static int Order(DeviceDeclaration left, DeviceDeclaration right) =>
        left.Slot != right.Slot ? left.Slot.CompareTo(right.Slot) : OrdinalOrder.Compare(left.Kind, right.Kind);

    private void ScanDirectory(string directory, Predicate<string>? isReserved)
    {
        List<string> folders;
        var folderEntries = new List<PluginEntry>();
        try
        {
            // Loading needs absolute paths, and the working directory may change.
            directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
            folders = FoldersOf(directory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var reason = error is DirectoryNotFoundException ? "the plugin directory does not exist" : $"the plugin directory can not be read: {error.Message}";
            _entries.Add(new PluginEntry { Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)), Folder = directory, Status = PluginStatus.Refused, Reason = reason });
            return;
        }

        var fits = new List<PluginEntry>(folders.Count);
        foreach (var folder in folders)
        {
            var entry = Examine(folder, isReserved);
            if (entry.Status == PluginStatus.Ready) fits.Add(entry);
            folderEntries.Add(entry);
        }

        if (fits.Count == 0 && Examine(directory) is { Declaration: not null } own)
        {
            own.Refuse($"{directory} is the plugin's folder and no directory of plugins: give {Path.GetDirectoryName(directory)}");
            folderEntries = [own];
        }

        RefuseTwins(fits);
        foreach (var entry in fits)
        {
            if (entry.Status == PluginStatus.Ready) ReplaceEarlier(entry);
        }

        _entries.AddRange(folderEntries);
    }

    private static bool IsReserved(DeviceDeclaration declaration, Predicate<string> isReserved) =>
        isReserved(declaration.Kind) || isReserved(declaration.Section);

    /// <summary>All of those that clash, so that the outcome does not depend on the order of names.</summary>
    private static void RefuseTwins(List<PluginEntry> entries)
    {
        foreach (var entry in entries)
        {
            foreach (var other in entries)
            {
                if (ReferenceEquals(entry, other) || !Clashes(entry, other)) continue;
                entry.Refuse(Clash(entry, other));
                break;
            }
        }
    }

    private void ReplaceEarlier(PluginEntry entry)
    {
        foreach (var earlier in _entries)
        {
            if (earlier.Status != PluginStatus.Ready || !Clashes(entry, earlier)) continue;
            if (entry.Declaration!.Kind != earlier.Declaration!.Kind)
            {
                entry.Refuse(Clash(entry, earlier));
                return;
            }

            earlier.Status = PluginStatus.Replaced;
            earlier.Reason = $"{entry.Folder}, whose directory comes later, has its kind";
        }
    }

    private static bool Clashes(PluginEntry left, PluginEntry right) =>
        left.Declaration!.Kind == right.Declaration!.Kind || left.Declaration.Section == right.Declaration.Section;

    private static string Clash(PluginEntry own, PluginEntry other) =>
        $"its kind `{own.Declaration!.Kind}` (section `{own.Declaration.Section}`) is also declared by {other.Folder}: keep one of the two";
}
