using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Schemas;
using Plugvisor.Remote.CommandLine;

namespace Plugvisor.Remote.Plugins;

/// <summary>The plugins that lie where this program looks: what they declare, never their code.</summary>
internal sealed class KnownPlugins
{
    private const string DefaultName = "plugins";

    private readonly PluginCatalog? _catalog;
    private readonly IReadOnlyList<string> _directories;

    private KnownPlugins(IReadOnlyList<string> directories, bool look)
    {
        _directories = directories;
        if (!look) return;
        _catalog = PluginCatalog.Scan(directories);
        var kinds = new List<DeviceConfigSchema>();
        foreach (PluginEntry entry in _catalog.Ready) kinds.Add(new DeviceConfigSchema(entry.Declaration!));
        Kinds = kinds;
    }

    /// <summary>The device kinds that they declare.</summary>
    public IReadOnlyList<DeviceConfigSchema> Kinds { get; } = [];

    /// <summary>Looks in the directories named by <c>--plugin-dir</c>, or in the one beside the executable.</summary>
    /// <param name="args">The command line; it is not parsed yet, because the plugins decide which commands there are.</param>
    /// <param name="look">False for a command line that needs none of them.</param>
    public static KnownPlugins Open(IReadOnlyList<string> args, bool look)
    {
        var directories = new List<string>();
        for (int i = 0; i < args.Count; i++)
        {
            if (args[i] == GlobalOptions.PluginDir && i + 1 < args.Count) directories.Add(args[++i]);
            else if (args[i].StartsWith(GlobalOptions.PluginDir + "=", StringComparison.Ordinal)) directories.Add(args[i][(GlobalOptions.PluginDir.Length + 1)..]);
        }

        foreach (string directory in directories)
        {
            if (!Directory.Exists(directory)) throw new UsageException($"{GlobalOptions.PluginDir}: there is no directory {directory}");
        }

        return new KnownPlugins(directories.Count > 0 ? directories : [Path.Combine(AppContext.BaseDirectory, DefaultName)], look);
    }

    /// <summary>Whether one of them declares this kind.</summary>
    public bool Declares(DeviceConfigSchema kind)
    {
        foreach (DeviceConfigSchema known in Kinds)
        {
            if (known.Declaration.Kind == kind.Declaration.Kind) return true;
        }

        return false;
    }

    /// <summary>Why a kind is not known here.</summary>
    public string WhyUnknown(string kind)
    {
        if (_catalog is not null)
        {
            foreach (PluginEntry entry in _catalog.Entries)
            {
                if (entry.Status == PluginStatus.Refused && entry.Declaration?.Kind == kind) return $"Plugin {entry.Name} was refused: {entry.Reason}";
            }
        }

        return $"No plugin for devices of kind {kind} in {string.Join(" or ", _directories)}; {GlobalOptions.PluginDir} names another directory";
    }
}
