namespace Plugvisor.Plugins.Loading;

/// <summary>A device that a plugin made, as the loader remembers it. Keeps nothing of the plugin alive.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Life">The device.</param>
/// <param name="Threads">The threads that it started through the host, or null.</param>
internal sealed record TrackedDevice(string Id, WeakReference Life, DeviceThreads? Threads)
{
    /// <summary>Whether nothing of it is left.</summary>
    public bool IsGone => !Life.IsAlive && Threads is not { Count: > 0 };
}
