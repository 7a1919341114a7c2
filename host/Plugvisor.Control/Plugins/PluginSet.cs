using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Loading;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Control.Plugins;

/// <summary>
/// The plugins of this process: what they declare, and their code once it is asked for. They come and go on the control loop; each change makes new
/// lists, which any thread may read.
/// </summary>
public sealed class PluginSet : IDevicePlugins
{
    private readonly IPluginLoader _loader;
    private readonly Predicate<string>? _isReserved;
    private readonly Dictionary<string, LoadedPlugin> _loaded = [];   // by kind
    private readonly Lock _lock = new();   // of the loaded code and of those who write the list of leaks
    private List<PluginEntry> _entries;
    private List<DeviceConfigSchema> _kinds = [];
    private List<LeakedPlugin> _leaked = [];

    private PluginSet(PluginCatalog catalog, Predicate<string>? isReserved, IPluginLoader loader)
    {
        _isReserved = isReserved;
        _loader = loader;
        _entries = [.. catalog.Entries];
        foreach (PluginEntry entry in catalog.Ready) _kinds.Add(new DeviceConfigSchema(entry.Declaration!));
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public IReadOnlyList<PluginEntry> Entries
    {
        get
        {
            List<PluginEntry> entries = Volatile.Read(ref _entries);
            List<LeakedPlugin> leaked = Volatile.Read(ref _leaked);
            if (leaked.Count == 0) return entries;
            var all = new List<PluginEntry>(entries);
            foreach (LeakedPlugin plugin in leaked)
            {
                if (!plugin.Code.IsGone) all.Add(plugin.Entry);
            }

            return all;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceConfigSchema> Kinds => Volatile.Read(ref _kinds);

    /// <summary>Looks at plugin directories; loads nothing.</summary>
    /// <param name="directories">Later ones win over earlier ones.</param>
    /// <param name="isReserved">Names that no plugin may take; null for none.</param>
    /// <param name="loader">How to load code; null for the usual way.</param>
    public static PluginSet Open(IReadOnlyList<string> directories, Predicate<string>? isReserved, IPluginLoader? loader = null) =>
        new(PluginCatalog.Scan(directories, isReserved), isReserved, loader ?? new AssemblyLoadContextPluginLoader());

    /// <summary>Says in the log what could not be used. A VM that does not need it runs all the same.</summary>
    public void ReportTo(ILoggerFactory logs)
    {
        ILogger? log = null;
        foreach (PluginEntry entry in _entries)
        {
            if (entry.Status != PluginStatus.Refused) continue;
            log ??= logs.CreateLogger<PluginSet>();
            log.LogWarning("plugin {Name} is not used: {Reason}", entry.Name, entry.Reason);
        }
    }

    /// <summary>
    /// Why there is no such device kind, when its plugin, or one whose kind could not be read, is there but was refused; else null.
    /// </summary>
    public string? WhyMissing(string kind)
    {
        PluginEntry? suspect = null;
        foreach (PluginEntry entry in _entries)
        {
            if (entry.Status != PluginStatus.Refused) continue;
            if (entry.Declaration?.Kind == kind) return $"plugin {entry.Name} was refused: {entry.Reason}";
            if (entry.Declaration is null) suspect ??= entry;
        }

        return suspect is null ? null : $"it may belong to plugin {suspect.Name}, which was refused: {suspect.Reason}";
    }

    /// <inheritdoc/>
    public IDevicePlugin Load(string kind)
    {
        if (Loaded(kind) is { } present) return present.Plugin;
        PluginEntry entry = OfKind(kind) ?? throw new VmmException(WhyMissing(kind) ?? $"there is no plugin for device kind {kind}");
        LoadedPlugin plugin = LoadedPlugin.Load(entry, _loader);
        lock (_lock)
        {
            // A constructor that took too long comes back late, when another call may have been quicker or the plugin be gone.
            if (OfKind(kind) == entry && _loaded.TryAdd(kind, plugin)) return plugin.Plugin;
        }

        _ = plugin.Unload();
        return Load(kind);
    }

    /// <inheritdoc/>
    public IDevicePlugin? CodeOf(PluginEntry entry) =>
        Loaded(entry.Declaration!.Kind) is { } plugin && plugin.Entry == entry ? plugin.Plugin : null;

    /// <inheritdoc/>
    public void Track(string kind, PluggedDevice device)
    {
        Loaded(kind)?.Track(device.Id, device.Device, device.Threads);
    }

    /// <inheritdoc/>
    public PluginEntry Find(string id)
    {
        PluginEntry? found = null, refused = null;
        string folder = Path.TrimEndingDirectorySeparator(id);
        foreach (PluginEntry entry in _entries)
        {
            if (entry.Name != id && entry.Folder != folder) continue;
            if (entry.Status == PluginStatus.Refused) refused ??= entry;
            if (entry.Status != PluginStatus.Ready) continue;
            if (found is not null) throw Invalid($"there are two plugins {id}, {found.Folder} and {entry.Folder}: give the folder's path in place of the name");
            found = entry;
        }

        return found ?? throw new VmmException(VmmErrorKind.NotFound, refused is null
            ? $"there is no plugin {id}; vmm.plugins lists those that there are"
            : $"plugin {refused.Name} is not in use: {refused.Reason}; vmm.load-plugin takes {refused.Folder} when that is mended");
    }

    /// <inheritdoc/>
    public LoadedPlugin Prepare(string path, PluginEntry? replaced = null)
    {
        PluginEntry entry = PluginCatalog.Examine(FolderOf(path), _isReserved);
        if (entry.Status != PluginStatus.Ready) throw Invalid($"plugin {entry.Name} cannot be used: {entry.Reason}");
        foreach (PluginEntry other in _entries)
        {
            if (other.Status == PluginStatus.Ready && other != replaced && WhyNotBeside(entry, other) is { } why)
                throw new VmmException(VmmErrorKind.Conflict, why);
        }

        if (replaced?.Declaration is { } old && entry.Declaration is { } now && (old.Kind != now.Kind || old.Section != now.Section))
        {
            throw Invalid($"plugin {entry.Name} declares `{now.Kind}` (section `{now.Section}`) now and `{old.Kind}` (section `{old.Section}`) before: "
                + "unload it, then load it again");
        }

        try
        {
            // Unloadable whatever it declares: a mistake is not to last as long as the VMM.
            return LoadedPlugin.Load(entry, _loader, isUnloadable: true);
        }
        catch (PluginLoadException e)
        {
            throw new VmmException(VmmErrorKind.InvalidConfig, e.Message, e.InnerException);
        }
    }

    /// <inheritdoc/>
    public void Add(LoadedPlugin plugin)
    {
        lock (_lock) _loaded[plugin.Declaration.Kind] = plugin;
        // What was known of the folder before, such as why it was refused at the start, is no longer so.
        Update(entry => entry.Folder == plugin.Entry.Folder, plugin.Entry);
    }

    /// <inheritdoc/>
    public UnloadedPlugin? Replace(PluginEntry present, LoadedPlugin successor)
    {
        UnloadedPlugin? old = Unload(present.Declaration!.Kind);
        lock (_lock) _loaded[successor.Declaration.Kind] = successor;
        Update(entry => entry == present, successor.Entry);
        return old;
    }

    /// <inheritdoc/>
    public string? WhyPermanent(PluginEntry entry) =>
        Loaded(entry.Declaration!.Kind) is { IsUnloadable: false }
            ? $"plugin {entry.Name} stays until the VMM ends: its code was loaded as one of those that were there at the start, and it is not declared reloadable "
                + "([DevicePlugin(Reloadable = true)])"
            : null;

    /// <inheritdoc/>
    public UnloadedPlugin? Remove(PluginEntry entry)
    {
        UnloadedPlugin? old = Unload(entry.Declaration!.Kind);
        Update(other => other == entry, null);
        return old;
    }

    /// <inheritdoc/>
    public void ReportLeak(UnloadedPlugin plugin, string reason)
    {
        lock (_lock)
        {
            var leaked = new List<LeakedPlugin>();
            foreach (LeakedPlugin other in _leaked)
            {
                if (!other.Code.IsGone) leaked.Add(other);
            }

            leaked.Add(new LeakedPlugin(plugin, plugin.Entry.AsLeaked(reason)));
            Volatile.Write(ref _leaked, leaked);
        }
    }

    private static VmmException Invalid(string text) => new(VmmErrorKind.InvalidConfig, text);

    private static string FolderOf(string path)
    {
        if (!Path.IsPathFullyQualified(path) || path.Contains('\0', StringComparison.Ordinal))
            throw Invalid($"`{path}` is no absolute path: give that of the plugin's folder, beginning with /");
        string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(folder)) return folder;
        throw Invalid(File.Exists(folder)
            ? $"{folder} is a file: give the folder that the plugin's assembly lies in" : $"there is no directory {folder}");
    }

    private static string? WhyNotBeside(PluginEntry entry, PluginEntry other)
    {
        if (other.Folder == entry.Folder) return $"plugin {other.Name} is loaded already, from {other.Folder}; vmm.reload-plugin takes the folder's present content";
        if (other.Name == entry.Name) return $"a plugin {other.Name} is loaded already, from {other.Folder}: unload it, or give one of the folders another name";
        return PluginCatalog.WhyClash(entry, other) is { } why ? $"plugin {entry.Name}: {why}" : null;
    }

    private LoadedPlugin? Loaded(string kind)
    {
        lock (_lock) return _loaded.GetValueOrDefault(kind);
    }

    private UnloadedPlugin? Unload(string kind)
    {
        LoadedPlugin? plugin;
        lock (_lock) _loaded.Remove(kind, out plugin);
        return plugin?.Unload();
    }

    private PluginEntry? OfKind(string kind)
    {
        foreach (PluginEntry entry in _entries)
        {
            if (entry.Status == PluginStatus.Ready && entry.Declaration!.Kind == kind) return entry;
        }

        return null;
    }

    /// <summary>New lists: without some entries, with another in place of the first of them or at the end.</summary>
    private void Update(Predicate<PluginEntry> isOut, PluginEntry? added)
    {
        var entries = new List<PluginEntry>(_entries.Count + 1);
        foreach (PluginEntry entry in _entries)
        {
            if (!isOut(entry)) entries.Add(entry);
            else if (added is not null)
            {
                entries.Add(added);
                added = null;
            }
        }

        if (added is not null) entries.Add(added);
        var kinds = new List<DeviceConfigSchema>();
        foreach (PluginEntry entry in PluginCatalog.ReadyOf(entries)) kinds.Add(SchemaOf(entry.Declaration!));
        Volatile.Write(ref _entries, entries);
        Volatile.Write(ref _kinds, kinds);
        Changed?.Invoke();
    }

    /// <summary>The schema that there is: devices refer to it.</summary>
    private DeviceConfigSchema SchemaOf(DeviceDeclaration declaration)
    {
        foreach (DeviceConfigSchema kind in _kinds)
        {
            if (kind.Declaration == declaration) return kind;
        }

        return new DeviceConfigSchema(declaration);
    }

    private sealed record LeakedPlugin(UnloadedPlugin Code, PluginEntry Entry);
}
