using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Threads;

namespace Plugvisor.Linux.Sockets;

/// <summary>
/// A listening socket at a path that is ours alone: a lock on <c>PATH.lock</c> says so, a socket that a dead owner left is replaced (one that somebody else serves is not), and both
/// files are gone after <see cref="Dispose"/>.
/// </summary>
public sealed class SocketFile : IDisposable
{
    private const int ENOENT = 2, ENOTSOCK = 88, EADDRINUSE = 98, ECONNREFUSED = 111, ESTALE = 116;
    private const int Attempts = 100, Looks = 20;
    private const string LockSuffix = ".lock";

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    private readonly LinuxFile _lock;
    private readonly PathStatus? _made;
    private bool _keepsFiles;

    private SocketFile(string path, LinuxFile @lock)
    {
        Path = path;
        _lock = @lock;
        if (PathStatus.TryRead(path) is { } there)
        {
            if (!there.IsSocket)
                throw new LinuxException($"listen on {path}, where something is that is no socket; it is not replaced", ENOTSOCK);
            // The lock is ours, so if one of us made it, that one does not run any more. Others know no such lock.
            if (IsServed(path)) throw new LinuxException($"listen on {path}, where another process listens", EADDRINUSE);
            File.Delete(path);
        }

        Listener = UnixListener.Bind(path);
        _made = PathStatus.TryRead(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private SocketFile(string path, LinuxFile @lock, UnixListener listener)
    {
        Path = path;
        _lock = @lock;
        Listener = listener;
        _made = PathStatus.TryRead(path);
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The socket.</summary>
    public UnixListener Listener { get; }

    /// <summary>Takes the lock and listens.</summary>
    /// <returns>Null when another process, or another part of this one, holds the lock.</returns>
    /// <exception cref="LinuxException">The path is too long, is something else than a socket, is served by a process without the lock, or cannot be made.</exception>
    public static SocketFile? TryListen(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        // Says what is wrong with the path before a lock file is there.
        _ = UnixAddress.Of(path, "listen on");
        if (TakeLock(path + LockSuffix, out bool isBusy) is not { } taken)
            return isBusy ? null : throw new LinuxException($"lock {path}{LockSuffix}, which others replace all the time", ESTALE);
        try
        {
            return new SocketFile(path, taken);
        }
        catch
        {
            ReleaseLock(taken);
            throw;
        }
    }

    /// <summary>
    /// Goes on where another owner in this process stands: clients that wait stay where they are. Files and lock are the other owner's until <see cref="OwnFiles"/>.
    /// </summary>
    /// <param name="path">Where it is.</param>
    /// <param name="inherited">What <see cref="Handover"/> gave, duplicated or not; stays the caller's.</param>
    /// <exception cref="LinuxException">The process is out of descriptors, or they are something else.</exception>
    public static SocketFile Inherit(string path, IReadOnlyList<SafeHandle> inherited)
    {
        ArgumentNullException.ThrowIfNull(inherited);
        LinuxFile taken = LinuxFile.Duplicate(inherited[1], path + LockSuffix);
        try
        {
            return new SocketFile(path, taken, UnixListener.Duplicate(inherited[0])) { _keepsFiles = true };
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>What another owner needs to go on: the listener and the lock.</summary>
    public IReadOnlyList<SafeHandle> Handover => [Listener, _lock];

    /// <summary>Another owner goes on: <see cref="Dispose"/> leaves the files and the lock alone.</summary>
    public void KeepFiles() => _keepsFiles = true;

    /// <summary>There is no other owner any more: <see cref="Dispose"/> removes the files and gives the lock back.</summary>
    public void OwnFiles() => _keepsFiles = false;

    /// <summary>Stops listening and removes the files, the socket only while it is still the one that was made here.</summary>
    public void Dispose()
    {
        if (_lock.IsClosed) return;
        if (_keepsFiles)
        {
            Listener.Dispose();
            _lock.Dispose();   // the other owner's duplicate keeps it locked
            return;
        }

        if (_made is { } made && PathStatus.TryRead(Path) is { } there && there.IsSameFile(made)) File.Delete(Path);
        Listener.Dispose();
        ReleaseLock(_lock);
    }

    /// <summary>
    /// A former owner removes the lock file while it still has the lock. Who opened that file before and locks it afterwards has a lock on
    /// nothing, so the file has to be the path's after it is locked.
    /// </summary>
    private static LinuxFile? TakeLock(string path, out bool isBusy)
    {
        isBusy = false;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            LinuxFile file = LinuxFile.Open(path, FileOpen.Write | FileOpen.Create);
            isBusy = !file.TryLock(FileLock.Write, 0, 0);
            if (isBusy)
            {
                file.Dispose();
                return null;
            }

            FileStatus mine = file.ReadStatus();
            if (PathStatus.TryRead(path) is { } there && there.Device == mine.Device && there.Inode == mine.Inode) return file;
            file.Dispose();
        }

        return null;
    }

    /// <summary>Whether somebody listens. A process that is being killed has its lock released a moment before its sockets.</summary>
    private static bool IsServed(string path)
    {
        var never = new WaitFlag();
        for (int look = 0; look < Looks; look++)
        {
            if (look > 0) never.TryWait(s_pause, TimeSpan.Zero);
            int errno = UnixStream.TryConnect(path, out UnixStream? stream);
            stream?.Dispose();
            if (errno is ENOENT or ECONNREFUSED) return false;
        }

        return true;
    }

    private static void ReleaseLock(LinuxFile taken)
    {
        File.Delete(taken.Path);
        taken.Dispose();
    }
}
