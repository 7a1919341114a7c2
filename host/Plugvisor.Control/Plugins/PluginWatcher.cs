using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Plugvisor.Control.Events;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Control.Plugins;

/// <summary>
/// Follows plugin directories: a folder that comes is loaded, one that changes is reloaded, one that goes is unloaded as soon as no device uses its plugin.
/// The kernel only says that something happened; what to do follows from a look at the folders. One is touched when two looks with a
/// pause between them saw the same, so that what is still being copied waits. What fails is said in
/// the log, and tried again a few times and whenever the folder changes.
/// </summary>
public sealed class PluginWatcher : IAsyncDisposable
{
    // Who still has a file open may be done with it, and nothing tells of that.
    private const int MaxAttempts = 8;

    // In place of a content: it is to be dealt with again.
    private const string Again = "?";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300), Patience = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<string> _directories;
    private readonly ControlLoop _loop;
    private readonly IDevicePlugins _plugins;
    private readonly UnloadProof _proof;
    private readonly ILogger _log;
    private readonly EventSubscription _events;
    private readonly Channel<bool> _woken = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly List<WatchedDirectory> _watched = [];
    private readonly ConcurrentQueue<string> _again = new();   // folders that failed and get another chance
    private readonly Dictionary<string, string> _leaving = [];   // gone folders whose plugin is still there, and why
    private readonly Dictionary<string, (int Attempts, string Why)> _failed = [];
    private Dictionary<string, string> _done = [];   // what folders had in them when they were last dealt with
    private Task _running = Task.CompletedTask;

    /// <summary>A watcher that does not watch yet.</summary>
    /// <param name="directories">The plugin directories.</param>
    /// <param name="loop">Where commands go.</param>
    /// <param name="plugins">The plugins that there are.</param>
    /// <param name="events">Tells when a device has gone.</param>
    /// <param name="logs">The log.</param>
    public PluginWatcher(IReadOnlyList<string> directories, ControlLoop loop, IDevicePlugins plugins, EventHub events, ILoggerFactory logs)
    {
        var full = new List<string>();
        foreach (string directory in directories) full.Add(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        _directories = full;
        _loop = loop;
        _plugins = plugins;
        _proof = new UnloadProof(plugins, events, logs);
        _log = logs.CreateLogger<PluginWatcher>();
        _events = events.Subscribe(EventHub.DefaultCapacity, Wake);
    }

    /// <summary>Begins on a thread of the pool and returns at once. What the folders have in them then is taken as loaded. Once.</summary>
    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Ends it; a command under way is waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        foreach (WatchedDirectory directory in _watched) directory.Dispose();
        _events.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            foreach (string directory in _directories) _watched.Add(new WatchedDirectory(directory, Wake, _log));
            _done = Look();
            _log.LogInformation("watching plugins; their {Count} folders are known", _done.Count);
            while (await _woken.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                DrainEvents();
                while (_again.TryDequeue(out string? folder)) _done[folder] = Again;
                await FollowAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (VmmException)
        {
            // The VMM is shutting down.
        }
    }

    private void Wake() => _ = _woken.Writer.TryWrite(true);

    /// <summary>They are only read to learn that something happened.</summary>
    private void DrainEvents()
    {
        while (_events.TryRead(out _, out _))
        {
        }
    }

    /// <summary>Looks until nothing changes any more, and deals with what has changed since it was last dealt with.</summary>
    private async Task FollowAsync()
    {
        Dictionary<string, string> seen = Look();
        bool moves = true;
        while (moves)
        {
            _ = _woken.Reader.TryRead(out _);
            if (IsDone(seen)) return;
            await Task.Delay(Pause, _stop.Token).ConfigureAwait(false);
            Dictionary<string, string> now = Look();
            moves = false;
            foreach ((string folder, string content) in now)
            {
                if (seen.GetValueOrDefault(folder) == content) await OnContentAsync(folder, content).ConfigureAwait(false);
                else moves = true;
            }

            foreach (string folder in new List<string>(_done.Keys))
            {
                if (now.ContainsKey(folder)) continue;
                if (!seen.ContainsKey(folder)) await OnGoneAsync(folder).ConfigureAwait(false);
                else moves = true;
            }

            seen = now;
        }
    }

    private bool IsDone(Dictionary<string, string> seen)
    {
        if (_leaving.Count > 0 || seen.Count != _done.Count) return false;
        foreach ((string folder, string content) in seen)
        {
            if (_done.GetValueOrDefault(folder) != content) return false;
        }

        return true;
    }

    private async Task OnContentAsync(string folder, string content)
    {
        _leaving.Remove(folder);
        if (_done.GetValueOrDefault(folder) == content) return;
        if (_done.TryGetValue(folder, out string? before) && before != Again) _failed.Remove(folder);   // other content, and not another try with the same
        _done[folder] = content;
        if (content.Length == 0) return;   // an empty folder, which somebody has just made
        try
        {
            if (IsLoaded(folder))
            {
                PluginChange change = await _loop.SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.ReloadPlugin(folder), _stop.Token).ConfigureAwait(false);
                _ = await _proof.RunAsync(change).ConfigureAwait(false);
            }
            else
            {
                _ = await _loop.SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.LoadPlugin(folder), _stop.Token).ConfigureAwait(false);
            }

            _failed.Remove(folder);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            OnFailed(folder, string.Join(": ", ErrorChain.Of(e)));
        }
    }

    private void OnFailed(string folder, string why)
    {
        (int attempts, string before) = _failed.GetValueOrDefault(folder);
        _failed[folder] = (attempts + 1, why);
        if (why != before) _log.LogWarning("plugin folder {Folder} changed, but: {Reason}", folder, why);
        if (attempts + 1 < MaxAttempts) _ = RetryAsync(folder, Patience * (attempts + 1));
    }

    private async Task RetryAsync(string folder, TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, _stop.Token).ConfigureAwait(false);
            _again.Enqueue(folder);
            Wake();
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task OnGoneAsync(string folder)
    {
        try
        {
            if (IsLoaded(folder))
            {
                PluginChange change = await _loop.SubmitAsync(VmmCommandKind.ChangePlugins, vmm => vmm.UnloadPlugin(folder), _stop.Token).ConfigureAwait(false);
                _ = await _proof.RunAsync(change).ConfigureAwait(false);
            }

            _done.Remove(folder);
            _leaving.Remove(folder);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It stays on the list, and is tried again when something has happened: a device may have gone.
            string why = string.Join(": ", ErrorChain.Of(e));
            if (_leaving.GetValueOrDefault(folder) != why) _log.LogWarning("plugin folder {Folder} is gone, but: {Reason}", folder, why);
            _leaving[folder] = why;
        }
    }

    private bool IsLoaded(string folder)
    {
        foreach (PluginEntry entry in _plugins.Entries)
        {
            if (entry.Status == PluginStatus.Ready && entry.Folder == folder) return true;
        }

        return false;
    }

    /// <summary>The folders, and by names, sizes and times what they have in them.</summary>
    private Dictionary<string, string> Look()
    {
        var folders = new Dictionary<string, string>();
        foreach (string directory in _directories)
        {
            try
            {
                foreach (string folder in PluginCatalog.FoldersOf(directory))
                {
                    if (ContentOf(folder) is { } content) folders[folder] = content;
                }
            }
            catch (DirectoryNotFoundException)
            {
                // It is gone, and with it its folders.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Nobody says that they are gone.
                foreach ((string folder, string content) in _done)
                {
                    if (Path.GetDirectoryName(folder) == directory) folders[folder] = content;
                }
            }
        }

        return folders;
    }

    /// <summary>Null when the folder went while it was looked at.</summary>
    private static string? ContentOf(string folder)
    {
        var files = new List<string>();
        try
        {
            foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories))
                files.Add($"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}");
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            if (!Directory.Exists(folder)) return null;
            files.Add(e.Message);   // a file of it went: the next look shows that
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            files.Add(e.Message);   // what it has in it is not known; dealing with it says so
        }

        files.Sort(StringComparer.Ordinal);
        return string.Join('\n', files);
    }
}
