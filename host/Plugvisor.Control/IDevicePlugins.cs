using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Control;

/// <summary>The device kinds that there are, and where their plugins come from. Reading the lists: any thread; all else: the control loop.</summary>
public interface IDevicePlugins
{
    /// <summary>The lists are others now. Raised by the control loop.</summary>
    event Action? Changed;

    /// <summary>The kinds in the order of their slots. A plugin that comes or goes makes a new list.</summary>
    IReadOnlyList<DeviceConfigSchema> Kinds { get; }

    /// <summary>Every plugin that was looked at, those that cannot be used as well. A plugin that comes or goes makes a new list.</summary>
    IReadOnlyList<PluginEntry> Entries { get; }

    /// <summary>The plugin of a kind, loaded when it is asked for the first time.</summary>
    /// <exception cref="Exception">There is none, or it cannot be loaded; the message says which and why.</exception>
    IDevicePlugin Load(string kind);

    /// <summary>A plugin's code, or null when it is not loaded.</summary>
    IDevicePlugin? CodeOf(PluginEntry entry);

    /// <summary>Remembers a device that <see cref="Load"/>'s plugin made, without keeping it alive.</summary>
    void Track(string kind, PluggedDevice device);

    /// <summary>The plugin of that name or folder that can be used.</summary>
    /// <exception cref="VmmException">There is none, or the name stands for several.</exception>
    PluginEntry Find(string id);

    /// <summary>Looks at a plugin folder and loads its code. Nobody sees it until <see cref="Add"/> or <see cref="Replace"/>; unload it otherwise.</summary>
    /// <param name="path">The folder's absolute path.</param>
    /// <param name="replaced">The plugin in whose place it is to be, or null.</param>
    /// <exception cref="VmmException">It cannot be used, or not beside the others; the message says why.</exception>
    LoadedPlugin Prepare(string path, PluginEntry? replaced = null);

    /// <summary>Adds a plugin.</summary>
    void Add(LoadedPlugin plugin);

    /// <summary>Puts a plugin in the place of another of its kind.</summary>
    /// <returns>The other's code, or null when it was never loaded.</returns>
    UnloadedPlugin? Replace(PluginEntry present, LoadedPlugin successor);

    /// <summary>Why a plugin cannot be unloaded, or null when it can.</summary>
    string? WhyPermanent(PluginEntry entry);

    /// <summary>Takes a plugin out. None of its devices is left.</summary>
    /// <returns>Its code, or null when it was never loaded.</returns>
    UnloadedPlugin? Remove(PluginEntry entry);

    /// <summary>Shows a plugin that was taken out, and whose code does not go, in <see cref="Entries"/> until it does. Any thread.</summary>
    void ReportLeak(UnloadedPlugin plugin, string reason);
}
