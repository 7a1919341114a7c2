using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Memory;

/// <summary>
/// An anonymous file in memory (memfd): RAM with a descriptor, so that another process can map the same pages.
/// Its length is fixed and sealed: nobody who gets the descriptor can truncate it under a mapping (that would be SIGBUS).
/// Close-on-exec. Immutable after creation, so any thread may use it.
/// </summary>
public sealed unsafe partial class MemFd : SafeHandle
{
    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_ALLOW_SEALING = 2;
    private const uint MFD_HUGETLB = 4;
    private const int MFD_HUGE_SHIFT = 26;
    private const int F_ADD_SEALS = 1033;
    private const int F_SEAL_SEAL = 1;
    private const int F_SEAL_SHRINK = 2;
    private const int F_SEAL_GROW = 4;

    private readonly int _fd;

    private MemFd(int fd) : base(-1, ownsHandle: true)
    {
        _fd = fd;
        SetHandle(fd);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, for mappings and for other processes.</summary>
    public int Descriptor => _fd;

    /// <summary>Makes a file of zeroes that takes no memory until it is written.</summary>
    /// <param name="name">Shown in /proc/PID/maps; at most 249 bytes.</param>
    /// <param name="length">Bytes; a multiple of the page size in use.</param>
    /// <param name="hugePageSize">0 for ordinary pages, 1 for huge pages of the default size, else a power of two that the kernel supports.</param>
    /// <exception cref="LinuxException">No such huge page size, no memory, no descriptors, or a length that is too large.</exception>
    public static MemFd Create(string name, ulong length, ulong hugePageSize = 0)
    {
        uint flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
        if (hugePageSize != 0) flags |= MFD_HUGETLB;
        if (hugePageSize > 1) flags |= (uint)ulong.TrailingZeroCount(hugePageSize) << MFD_HUGE_SHIFT;

        Span<byte> text = stackalloc byte[Encoding.UTF8.GetMaxByteCount(name.Length) + 1];
        text[Encoding.UTF8.GetBytes(name, text)] = 0;
        int fd;
        // SAFETY: the text is NUL-terminated and outlives the call.
        fixed (byte* pointer = text) fd = memfd_create(pointer, flags);
        if (fd < 0) throw new LinuxException($"memfd_create {name}", Marshal.GetLastSystemError());

        var file = new MemFd(fd);
        int failed = length > long.MaxValue ? -1 : ftruncate(fd, (long)length);
        if (failed == 0) failed = fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
        if (failed == 0) return file;

        const int EFBIG = 27;
        int errno = length > long.MaxValue ? EFBIG : Marshal.GetLastSystemError();
        file.Dispose();
        throw new LinuxException($"size memfd {name} to {length} bytes", errno);
    }

    /// <summary>Lets nobody seal it any more: who has the descriptor could else forbid everybody to map it for writing, or to give pages of it back.</summary>
    /// <exception cref="LinuxException">That was done already.</exception>
    public void EndSealing()
    {
        if (fcntl(_fd, F_ADD_SEALS, F_SEAL_SEAL) != 0) throw new LinuxException("seal a memfd", Marshal.GetLastSystemError());
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc")]
    private static partial int memfd_create(byte* name, uint flags);

    [LibraryImport("libc")]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, int argument);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
