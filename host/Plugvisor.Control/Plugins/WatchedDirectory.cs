using Microsoft.Extensions.Logging;

namespace Plugvisor.Control.Plugins;

/// <summary>
/// The kernel's notifications of one plugin directory. They follow the directory itself and not its name, so the directory above is watched as well: when another
/// takes its name (it was made anew, moved, or is a link that points elsewhere now) the notifications begin anew with that one.
/// </summary>
internal sealed class WatchedDirectory : IDisposable
{
    private readonly string _directory;
    private readonly Action _wake;
    private readonly ILogger _log;
    private readonly Lock _lock = new();   // of what follows: notifications come on threads of their own
    private readonly FileSystemWatcher? _above;
    private FileSystemWatcher? _content;
    private bool _disposed;

    /// <summary>Begins to watch. What cannot be watched is said in the log.</summary>
    /// <param name="directory">Its absolute path.</param>
    /// <param name="wake">Called when something has happened, on any thread.</param>
    /// <param name="log">The log.</param>
    public WatchedDirectory(string directory, Action wake, ILogger log)
    {
        _directory = directory;
        _wake = wake;
        _log = log;
        if (Path.GetDirectoryName(directory) is { } above && Directory.Exists(above))
            _above = Begin(above, static watcher => watcher.NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName, Path.GetFileName(directory), Renew);
        Renew();
    }

    /// <summary>Ends it. A notification that is on its way may still come.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _above?.Dispose();
            _content?.Dispose();
        }
    }

    private void Renew()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _content?.Dispose();
            _content = null;
            if (!Directory.Exists(_directory)) _log.LogWarning("plugin directory {Directory} is not there; it is watched when it comes", _directory);
            else
            {
                _content = Begin(_directory, static watcher =>
                {
                    watcher.IncludeSubdirectories = true;
                    watcher.NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.Attributes;
                }, "*", _wake);
            }

            if (_content is not null) _log.LogInformation("plugin directory {Directory} is watched", _directory);
        }

        _wake();
    }

    private FileSystemWatcher? Begin(string directory, Action<FileSystemWatcher> how, string names, Action happened)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(directory, names);
            how(watcher);
            watcher.Created += (_, _) => happened();
            watcher.Changed += (_, _) => happened();
            watcher.Deleted += (_, _) => happened();
            watcher.Renamed += (_, _) => happened();
            watcher.Error += (_, error) =>
            {
                _log.LogWarning("plugin directory {Directory}: {Error}; changes may have been missed", _directory, error.GetException().Message);
                _wake();
            };
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            watcher?.Dispose();
            _log.LogWarning("plugin directory {Directory}: {Watched} cannot be watched: {Error}", _directory, directory, e.Message);
            return null;
        }
    }
}
