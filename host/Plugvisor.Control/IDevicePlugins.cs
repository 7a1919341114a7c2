using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Control;

/// <summary>The device kinds that there are, and where their plugins come from. Any thread.</summary>
public interface IDevicePlugins
{
    /// <summary>The kinds in the order of their slots. A plugin that comes or goes makes a new list.</summary>
    IReadOnlyList<DeviceConfigSchema> Kinds { get; }

    /// <summary>Every plugin that was looked at, those that cannot be used as well. A plugin that comes or goes makes a new list.</summary>
    IReadOnlyList<PluginEntry> Entries { get; }

    /// <summary>The plugin of a kind, loaded when it is asked for the first time. Control loop only.</summary>
    /// <exception cref="Exception">There is none, or it cannot be loaded; the message says which and why.</exception>
    IDevicePlugin Load(string kind);
}
