using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Plugins.Loading;

/// <summary>
/// A plugin that was unloaded, and whose code goes when nothing refers to it any more. Refers to nothing of the plugin itself. Any thread.
/// </summary>
public sealed class UnloadedPlugin
{
    // Two are enough for a plugin that nobody holds: one finds it dead, its finalizers run, the next takes the context. A thread that is about to end
    // can hold it for a moment longer, so the later ones wait.
    private const int MaxCollections = 9, AtOnce = 2;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);

    private readonly WeakReference _code;
    private readonly WeakReference _entry;
    private readonly IReadOnlyList<TrackedDevice> _devices;
    private readonly HashSet<int>? _threads;

    internal UnloadedPlugin(PluginEntry entry, IPluginCode code, WeakReference plugin, IReadOnlyList<TrackedDevice> devices, HashSet<int>? threads)
    {
        _threads = threads;
        Entry = entry;
        IsUnloadable = code.IsUnloadable;
        _code = code.Life;
        _entry = plugin;
        _devices = devices;
    }

    /// <summary>What the catalog knew of it.</summary>
    public PluginEntry Entry { get; }

    /// <summary>Whether its code can go at all.</summary>
    public bool IsUnloadable { get; }

    /// <summary>Whether its code is gone: its load context was collected.</summary>
    public bool IsGone => !_code.IsAlive;

    /// <summary>
    /// Collects garbage, a bounded number of times and within some seconds, until the code is gone. All threads stand still for a part of each
    /// collection. Not for the control loop, nor with anything of the plugin in the frames of the caller.
    /// </summary>
    /// <returns>Whether it is gone.</returns>
    public async Task<bool> ProveAsync()
    {
        TimeSpan pause = FirstPause;
        for (int i = 0; i < MaxCollections && !IsGone; i++)
        {
            if (i >= AtOnce)
            {
                await Task.Delay(pause).ConfigureAwait(false);
                pause *= 2;
            }

#pragma warning disable RS0030 // Only a collection proves that nothing refers to the plugin.
            GC.Collect();
#pragma warning restore RS0030
            GC.WaitForPendingFinalizers();
        }

        return IsGone;
    }

    /// <summary>What holds the code, as far as the host can tell; each is a part of a sentence. Empty when it is gone.</summary>
    public IReadOnlyList<string> Holders()
    {
        var holders = new List<string>();
        if (IsGone) return holders;
        foreach (TrackedDevice device in _devices)
        {
            if (device.Threads is { Count: > 0 } threads)
                holders.Add($"device {device.Id} left {(threads.Count == 1 ? "a thread" : "threads")} running: {string.Join(", ", threads.Names)}");
            else if (device.Life.IsAlive)
                holders.Add($"something refers to the object of device {device.Id}");
        }

        bool known = holders.Count > 0;
        AddRoots(holders);
        known |= holders.Count > 0;
        if (!known && _threads is not null && ProcessThreads.NamesBeyond(_threads) is { Count: > 0 } names)
            holders.Add($"perhaps a thread of its own: since it was loaded came {string.Join(", ", names)}");
        if (_entry.IsAlive) holders.Add("something refers to the plugin's entry object");
        if (holders.Count == 0) holders.Add("neither its devices, nor a timer or handler that the host can see: look for what it registered with the framework");
        return holders;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddRoots(List<string> holders)
    {
        if (_code.Target is AssemblyLoadContext context) holders.AddRange(FrameworkRoots.Find(context));
    }
}
