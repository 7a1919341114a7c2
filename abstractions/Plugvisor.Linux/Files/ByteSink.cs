using System.Runtime.InteropServices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;

namespace Plugvisor.Linux.Files;

/// <summary>
/// A file, FIFO, pipe or socket that is written from front to back and whose reader is never waited for. One thread writes. A reader that
/// goes away is told by a return value; SIGPIPE is ignored in a .NET process.
/// </summary>
public sealed partial class ByteSink : SafeHandle
{
    /// <summary><see cref="Write"/>: nothing was taken; <see cref="AwaitWritable"/>, then try again.</summary>
    public const int WouldBlock = ConsoleIo.WouldBlock;

    /// <summary><see cref="Write"/>: nobody will read this, or an error that does not go away.</summary>
    public const int Gone = ConsoleIo.Gone;

    private const int O_WRONLY = 1, O_RDWR = 2, O_ACCMODE = 3, O_CREAT = 0x40, O_NOCTTY = 0x100, O_TRUNC = 0x200, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const int F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, FD_CLOEXEC = 1;
    private const int EINTR = 4, ENXIO = 6, EBADF = 9, SEEK_CUR = 1;
    private const uint OwnerOnly = 0x180;   // 0600

    private readonly string? _path;
    private Epoll? _waiting;

    private ByteSink(int descriptor, string? path) : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        _path = path;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>Opens a path for writing: a regular file is made or emptied; a FIFO need not have a reader yet.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static ByteSink Open(string path)
    {
        int errno = TryOpen(path, O_WRONLY | O_CREAT | O_TRUNC, out int descriptor);
        // A FIFO that nobody reads: with both ends open it holds what is written until somebody does.
        if (errno == ENXIO) errno = TryOpen(path, O_RDWR, out descriptor);
        return errno == 0 ? new ByteSink(descriptor, path) : throw new LinuxException($"open {path}", errno);
    }

    /// <summary>Takes over an inherited descriptor and sets it non-blocking and close-on-exec.</summary>
    /// <exception cref="LinuxException">There is no such descriptor, or it is not open for writing.</exception>
    public static ByteSink Adopt(int descriptor)
    {
        int flags = fcntl(descriptor, F_GETFL, 0);
        if (flags < 0) throw new LinuxException($"descriptor {descriptor}", Marshal.GetLastSystemError());
        if ((flags & O_ACCMODE) is not (O_WRONLY or O_RDWR)) throw new LinuxException($"write to descriptor {descriptor}", EBADF);
        if (fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) throw new LinuxException($"descriptor {descriptor}", Marshal.GetLastSystemError());
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        return new ByteSink(descriptor, path: null);
    }

    /// <summary>Writes as much as is taken at once.</summary>
    /// <returns>Bytes; or <see cref="WouldBlock"/> or <see cref="Gone"/>.</returns>
    public int Write(ReadOnlySpan<byte> source) => ConsoleIo.Write((int)handle, source);

    /// <summary>Waits until a write may take something or would fail, or until <paramref name="wake"/> is signalled, which it drains.</summary>
    public void AwaitWritable(EventFd wake, int timeoutMilliseconds)
    {
        Span<EpollEvent> ready = stackalloc EpollEvent[2];
        if (_waiting is null)
        {
            _waiting = new Epoll();
            _waiting.Set(wake.Descriptor, EpollEvents.Readable, 0);
        }

        _waiting.Set((int)handle, EpollEvents.Writable, 1);
        _ = _waiting.Wait(ready, timeoutMilliseconds);
        _waiting.Remove((int)handle);
        _ = wake.Drain();
    }

    /// <summary>
    /// After <see cref="Gone"/>: opens a FIFO again, which then keeps what is written for the next reader. The old descriptor is closed.
    /// </summary>
    /// <returns>The new one, or null where there is no path or nothing that can be opened without waiting.</returns>
    public ByteSink? Reopen()
    {
        // What can be positioned is no FIFO: opened again it would be written over from its beginning.
        if (_path is null || lseek((int)handle, 0, SEEK_CUR) >= 0 || TryOpen(_path, O_RDWR, out int descriptor) != 0) return null;
        Dispose();
        return new ByteSink(descriptor, _path);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _waiting?.Dispose();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        ConsoleIo.Close((int)handle);
        return true;
    }

    private static int TryOpen(string path, int flags, out int descriptor)
    {
        while (true)
        {
            descriptor = open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, OwnerOnly);
            if (descriptor >= 0) return 0;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return errno;
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc")]
    private static partial long lseek(int fd, long offset, int origin);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);
}
