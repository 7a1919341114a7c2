using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Sockets;

/// <summary>
/// A listening Unix stream socket, non-blocking and close-on-exec. One thread accepts at a time; the owner disposes it when none does any more.
/// </summary>
public sealed unsafe partial class UnixListener : SafeHandle
{
    /// <summary>EAGAIN: nobody waits to be accepted.</summary>
    public const int NobodyWaits = 11;

    private const int SOCK_STREAM = 1, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    private const int SOL_SOCKET = 1, SO_TYPE = 3, SO_ACCEPTCONN = 30, SO_DOMAIN = 39;
    private const int F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, FD_CLOEXEC = 1, O_NONBLOCK = 0x800;
    private const int EINTR = 4, EINVAL = 22;

    private UnixListener(int descriptor) : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, valid until this object is disposed.</summary>
    public int Descriptor => (int)handle;

    /// <summary>Makes a socket file and listens. Its permissions follow from the umask. The file is the caller's to remove.</summary>
    /// <param name="path">At most 107 bytes; nothing may be there.</param>
    /// <param name="backlog">How many may wait to be accepted; the kernel's own limit (net.core.somaxconn) is the lesser one on most hosts.</param>
    /// <exception cref="LinuxException">The path is too long, in use, or cannot be made.</exception>
    public static UnixListener Bind(string path, int backlog = 4096)
    {
        ArgumentNullException.ThrowIfNull(path);
        UnixAddress address = UnixAddress.Of(path, "listen on");
        int descriptor = socket(UnixAddress.UnixFamily, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw new LinuxException("socket", Marshal.GetLastSystemError());
        var listener = new UnixListener(descriptor);
        if (bind(descriptor, &address, sizeof(UnixAddress)) == 0 && listen(descriptor, backlog) == 0) return listener;
        int errno = Marshal.GetLastSystemError();
        listener.Dispose();
        throw new LinuxException($"listen on {path}", errno);
    }

    /// <summary>Takes over a listening socket that this process inherited, and sets it non-blocking and close-on-exec.</summary>
    /// <exception cref="LinuxException">There is no such descriptor, or it is no listening Unix stream socket.</exception>
    public static UnixListener Adopt(int descriptor)
    {
        int flags = fcntl(descriptor, F_GETFL, 0);
        if (flags < 0) throw new LinuxException($"descriptor {descriptor}", Marshal.GetLastSystemError());
        if (Option(descriptor, SO_DOMAIN) != UnixAddress.UnixFamily || Option(descriptor, SO_TYPE) != SOCK_STREAM)
            throw new LinuxException($"listen on descriptor {descriptor}, which is no Unix stream socket", EINVAL);
        if (Option(descriptor, SO_ACCEPTCONN) != 1)
            throw new LinuxException($"accept from descriptor {descriptor}, which does not listen", EINVAL);
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
        return new UnixListener(descriptor);
    }

    /// <summary>Another descriptor of a listening socket.</summary>
    /// <exception cref="LinuxException">The process is out of descriptors, or it is no listening Unix stream socket.</exception>
    public static UnixListener Duplicate(SafeHandle listener)
    {
        int copy = FileDescriptor.DuplicateNumber(listener);
        try
        {
            return Adopt(copy);
        }
        catch
        {
            _ = close(copy);
            throw;
        }
    }

    /// <summary>Takes the next client that waits.</summary>
    /// <param name="stream">The client, or null.</param>
    /// <returns>0, or an errno: <see cref="NobodyWaits"/>, or what is in the way (EMFILE: out of descriptors).</returns>
    public int TryAccept(out UnixStream? stream)
    {
        while (true)
        {
            int descriptor = accept4((int)handle, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
            stream = descriptor >= 0 ? new UnixStream(descriptor) : null;
            if (descriptor >= 0) return 0;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return errno;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    /// <returns>A socket option's value, or -1 where it has none: no socket.</returns>
    private static int Option(int descriptor, int option)
    {
        int value = 0, size = sizeof(int);
        return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
    }

    [LibraryImport("libc")]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc")]
    private static partial int bind(int fd, UnixAddress* address, int length);

    [LibraryImport("libc")]
    private static partial int listen(int fd, int backlog);

    [LibraryImport("libc")]
    private static partial int accept4(int fd, void* address, void* length, int flags);

    [LibraryImport("libc")]
    private static partial int getsockopt(int fd, int level, int option, void* value, int* size);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
