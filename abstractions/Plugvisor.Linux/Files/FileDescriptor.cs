using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

/// <summary>
/// An open file descriptor, close-on-exec. For device nodes and anonymous kernel objects, where
/// <see cref="Microsoft.Win32.SafeHandles.SafeFileHandle"/> would add locks and file checks of its own.
/// </summary>
public sealed partial class FileDescriptor : SafeHandle
{
    private const int O_RDWR = 2;
    private const int O_CLOEXEC = 0x80000;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int EINTR = 4;

    /// <summary>Takes over a descriptor that the kernel handed out.</summary>
    public FileDescriptor(int descriptor) : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The number; only valid while this object is alive and not disposed.</summary>
    public int Value => (int)handle;

    /// <summary>Opens a file or device node for reading and writing.</summary>
    /// <exception cref="LinuxException">It cannot be opened; <see cref="LinuxException.Errno"/> says why.</exception>
    public static FileDescriptor OpenReadWrite(string path)
    {
        while (true)
        {
            int descriptor = open(path, O_RDWR | O_CLOEXEC);
            if (descriptor >= 0) return new FileDescriptor(descriptor);
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException($"open {path}", errno);
        }
    }

    /// <summary>Another descriptor of the same open file: locks, offset and flags are shared, and last until both are closed.</summary>
    /// <param name="handle">Any handle whose value is a descriptor.</param>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    public static FileDescriptor Duplicate(SafeHandle handle) => new(DuplicateNumber(handle));

    internal static int DuplicateNumber(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        bool held = false;
        try
        {
            handle.DangerousAddRef(ref held);
            int original = (int)handle.DangerousGetHandle();
            int copy = fcntl(original, F_DUPFD_CLOEXEC, 0);
            return copy >= 0 ? copy : throw new LinuxException($"duplicate descriptor {original}", Marshal.GetLastSystemError());
        }
        finally
        {
            if (held) handle.DangerousRelease();
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
