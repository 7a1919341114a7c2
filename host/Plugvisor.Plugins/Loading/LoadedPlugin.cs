using System.Reflection;
using System.Runtime.CompilerServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Loading;

/// <summary>A plugin whose code is loaded and whose entry was made. Used by the control loop's thread.</summary>
public sealed class LoadedPlugin
{
    private IPluginCode? _code;
    private IDevicePlugin? _plugin;
    private readonly List<TrackedDevice> _devices = [];
    private readonly HashSet<int>? _threads;   // those that there were before it

    private LoadedPlugin(PluginEntry entry, IPluginCode code, IDevicePlugin plugin, HashSet<int>? threads)
    {
        _threads = threads;
        Entry = entry;
        _code = code;
        _plugin = plugin;
        IsUnloadable = code.IsUnloadable;
    }

    /// <summary>What the catalog knows of it.</summary>
    public PluginEntry Entry { get; }

    /// <summary>Its device kind.</summary>
    public DeviceDeclaration Declaration => Entry.Declaration!;

    /// <summary>Whether <see cref="Unload"/> can succeed.</summary>
    public bool IsUnloadable { get; }

    /// <summary>The plugin's entry.</summary>
    /// <exception cref="ObjectDisposedException">The plugin was unloaded.</exception>
    public IDevicePlugin Plugin => _plugin ?? throw new ObjectDisposedException(Entry.Name);

    /// <summary>The plugin's own checks, or null where it has none.</summary>
    public IConfigValidator? Validator => _plugin as IConfigValidator;

    /// <summary>Loads a plugin of the catalog and makes its entry.</summary>
    /// <param name="entry">A ready entry.</param>
    /// <param name="loader">How to load.</param>
    /// <param name="isUnloadable">Overrides what the plugin asks for, or null.</param>
    /// <exception cref="PluginLoadException">It can not be loaded, or its constructor threw. Nothing of it stays loaded where that can be helped.</exception>
    public static LoadedPlugin Load(PluginEntry entry, IPluginLoader loader, bool? isUnloadable = null)
    {
        if (entry.Status != PluginStatus.Ready) throw new PluginLoadException($"Plugin {entry.Name} can not be used: {entry.Reason}");
        IPluginCode code;
        // Not for those of the boot, which has no time for it.
        HashSet<int>? threads = isUnloadable == true ? ProcessThreads.Ids() : null;
        try
        {
            code = loader.Load(entry.AssemblyPath!, isUnloadable ?? entry.Declaration!.IsReloadable);
        }
        catch (IOException) when (!File.Exists(entry.AssemblyPath))
        {
            throw new PluginLoadException($"Plugin {entry.Name} can not be loaded: {entry.AssemblyPath} is gone; vmm.reload-plugin takes what its folder has now");
        }
        catch (Exception error) when (error is IOException or BadImageFormatException or UnauthorizedAccessException)
        {
            throw new PluginLoadException($"Plugin {entry.Name} ({entry.AssemblyPath}) can not be loaded", error);
        }

        try
        {
            return new LoadedPlugin(entry, code, Make(entry, code.Assembly), threads);
        }
        catch (Exception error)
        {
            code.Dispose();
            if (error is PluginLoadException) throw;
            var cause = error is TargetInvocationException { InnerException: { } inner } ? inner : error;
            throw new PluginLoadException($"Plugin {entry.Name} ({entry.AssemblyPath}) can not be started", cause);
        }
    }

    /// <summary>
    /// Compiles the plugin's code now, so that nobody waits for that later. Takes tens of milliseconds; for a plugin that is to take over devices in use.
    /// </summary>
    public void Warm()
    {
        if (_code is { IsUnloadable: true } code) CodeWarmer.Warm(code.Assembly);
    }

    /// <summary>Remembers a device that the plugin made, without keeping it alive: to tell what holds the plugin, should it not go.</summary>
    public void Track(string id, IDevice device, DeviceThreads? threads = null)
    {
        _devices.RemoveAll(static device => device.IsGone);
        _devices.Add(new TrackedDevice(id, new WeakReference(device), threads));
    }

    /// <summary>
    /// Lets go of the plugin's code. Every device of it was disposed before. The answer tells whether the code is gone, which a garbage
    /// collection decides; where it stays something still refers to the plugin.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public UnloadedPlugin Unload()
    {
        var code = _code ?? throw new ObjectDisposedException(Entry.Name);
        var unloaded = new UnloadedPlugin(Entry, code, new WeakReference(_plugin), _devices, _threads);
        _plugin = null;
        _code = null;
        code.Dispose();
        return unloaded;
    }

    private static IDevicePlugin Make(PluginEntry entry, Assembly assembly)
    {
        var name = entry.Declaration!.Entry;
        foreach (var type in assembly.GetExportedTypes())
        {
            // Not Assembly.GetType: its parser of type names costs a millisecond of run-time compilation.
            if (type.FullName != name) continue;
            return Activator.CreateInstance(type) as IDevicePlugin
                ?? throw new PluginLoadException($"`{name}` in plugin {entry.Name} is no IDevicePlugin of this host: rebuild the plugin");
        }

        throw new PluginLoadException($"Plugin {entry.Name} ({entry.AssemblyPath}) has no public class `{name}`, which its manifest names");
    }
}
