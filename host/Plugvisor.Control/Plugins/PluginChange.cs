using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;

namespace Plugvisor.Control.Plugins;

/// <summary>A plugin that was unloaded or reloaded.</summary>
/// <param name="Entry">The plugin: as it was, or after a reload as it is.</param>
/// <param name="Former">The code that is no longer in use, or null when it had not been loaded.</param>
public sealed record PluginChange(PluginEntry Entry, UnloadedPlugin? Former);
