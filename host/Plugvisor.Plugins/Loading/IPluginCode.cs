using System.Reflection;

namespace Plugvisor.Plugins.Loading;

/// <summary>A loaded plugin assembly. Dispose starts to unload it, where it is unloadable; it is gone when nothing refers to it any more.</summary>
public interface IPluginCode : IDisposable
{
    /// <summary>The plugin's assembly. Do not keep it beyond Dispose.</summary>
    Assembly Assembly { get; }

    /// <summary>Whether it can be unloaded.</summary>
    bool IsUnloadable { get; }

    /// <summary>Dead when the code is gone. Keeps nothing alive.</summary>
    WeakReference Life { get; }
}
