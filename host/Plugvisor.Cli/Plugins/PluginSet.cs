using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.Plugins;

/// <summary>The plugins that this process found: what they declare, and their code once it is asked for.</summary>
internal sealed class PluginSet : IDevicePlugins
{
    private readonly PluginCatalog _catalog;
    private readonly IPluginLoader _loader = new AssemblyLoadContextPluginLoader();
    private readonly Dictionary<string, LoadedPlugin> _loaded = [];
    private readonly List<DeviceConfigSchema> _kinds = [];

    private PluginSet(PluginCatalog catalog)
    {
        _catalog = catalog;
        foreach (PluginEntry entry in catalog.Ready) _kinds.Add(new DeviceConfigSchema(entry.Declaration!));
    }

    /// <summary>Everything that was looked at.</summary>
    public IReadOnlyList<PluginEntry> Entries => _catalog.Entries;

    /// <summary>The device kinds that there are, in the order of their slots.</summary>
    public IReadOnlyList<DeviceConfigSchema> Kinds => _kinds;

    /// <summary>Looks at the directories; loads nothing.</summary>
    public static PluginSet Open(IReadOnlyList<string> directories) => new(PluginCatalog.Scan(directories, IsReserved));

    /// <summary>Says in the log what could not be used. A VM that does not need it runs all the same.</summary>
    public void ReportTo(ILoggerFactory logs)
    {
        ILogger? log = null;
        foreach (PluginEntry entry in _catalog.Entries)
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
        foreach (PluginEntry entry in _catalog.Entries)
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
        if (!_loaded.TryGetValue(kind, out LoadedPlugin? plugin))
        {
            PluginEntry entry = _catalog.Find(kind) ?? throw new VmmException(WhyMissing(kind) ?? $"there is no plugin for device kind {kind}");
            plugin = LoadedPlugin.Load(entry, _loader);
            _loaded.Add(kind, plugin);
        }

        return plugin.Plugin;
    }

    private static bool IsReserved(string name)
    {
        if (HostOptions.NotYet.ContainsKey("--" + name)) return true;
        foreach (CommandLineOption option in HostOptions.All)
        {
            if (option.Name.AsSpan(2).SequenceEqual(name)) return true;
        }

        return false;
    }
}
