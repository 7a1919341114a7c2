using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

/// <summary>
/// A file or block device opened for positioned I/O. Any thread may use it; the owner disposes it when nobody does any more.
/// What sits on a data path answers a negative errno instead of throwing.
/// </summary>
public sealed partial class LinuxFile : SafeHandle
{
    private const int O_RDWR = 2;
    private const int O_CREAT = 0x40;
    private const int O_TMPFILE = 0x410000;
    private const int O_NONBLOCK = 0x800;
    private const int O_DIRECT = 0x4000;
    private const int O_CLOEXEC = 0x80000;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int EINTR = 4;
    private const uint OwnerOnly = 0x180;   // 0600

    private LinuxFile(int descriptor, string path) : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        Descriptor = descriptor;
        Path = path;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, valid until this object is disposed.</summary>
    public int Descriptor { get; }

    /// <summary>The path it was opened with.</summary>
    public string Path { get; }

    /// <summary>Opens a file, close-on-exec; one that is not there only with <see cref="FileOpen.Create"/>. Never waits for a FIFO's other end.</summary>
    /// <exception cref="LinuxException">It cannot be opened; EINVAL with <see cref="FileOpen.Direct"/> means that its filesystem has no O_DIRECT.</exception>
    public static LinuxFile Open(string path, FileOpen how)
    {
        ArgumentNullException.ThrowIfNull(path);
        int flags = O_CLOEXEC | O_NONBLOCK;
        if ((how & FileOpen.Write) != 0) flags |= O_RDWR;
        if ((how & FileOpen.Direct) != 0) flags |= O_DIRECT;
        if ((how & FileOpen.Create) != 0) flags |= O_CREAT;
        int descriptor;
        while ((descriptor = open(path, flags, OwnerOnly)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException($"open {path}", errno);
        }

        // O_NONBLOCK was for the open only: io_uring would answer EAGAIN instead of waiting in its own threads.
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL, 0) & ~O_NONBLOCK);
        return new LinuxFile(descriptor, path);
    }

    /// <summary>
    /// Another descriptor of a file that is open already: its mode, flags and locks are shared. For a device that goes on for an earlier instance.
    /// </summary>
    /// <param name="handle">A descriptor of the file.</param>
    /// <param name="path">What to call it.</param>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public static LinuxFile Duplicate(SafeHandle handle, string path) => new(FileDescriptor.DuplicateNumber(handle), path);

    /// <summary>Makes a file without a name in a directory, readable and writable: it is gone when it is closed (O_TMPFILE).</summary>
    /// <exception cref="LinuxException">It cannot be made; EOPNOTSUPP means that the filesystem has no such files.</exception>
    public static LinuxFile CreateUnnamed(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        int descriptor;
        while ((descriptor = open(directory, O_CLOEXEC | O_RDWR | O_TMPFILE, OwnerOnly)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException($"make a file in {directory}", errno);
        }

        return new LinuxFile(descriptor, directory);
    }

    /// <summary>Opens the same file once more, whatever its path names by now.</summary>
    public LinuxFile Reopen(FileOpen how)
    {
        using LinuxFile again = Open($"/proc/self/fd/{Descriptor}", how);
        int descriptor = again.Descriptor;
        again.SetHandleAsInvalid();
        return new LinuxFile(descriptor, Path);
    }

    /// <summary>Makes the file this long; what is new reads as zeros.</summary>
    /// <exception cref="LinuxException">It cannot be.</exception>
    public void SetLength(ulong length)
    {
        while (ftruncate(Descriptor, (long)length) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException($"set the length of {Path}", errno);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc")]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
