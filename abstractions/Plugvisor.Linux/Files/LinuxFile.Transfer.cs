using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Files;

public sealed unsafe partial class LinuxFile
{
    /// <summary>RWF_DSYNC: the write is on stable storage when the call returns.</summary>
    public const int Durable = 2;

    /// <summary>Reads at an offset into <c>struct iovec</c>s.</summary>
    /// <returns>Bytes, fewer than asked at the end of the file, or a negative errno.</returns>
    public nint ReadAt(void* vectors, int count, ulong offset)
    {
        while (true)
        {
            nint done = preadv(Descriptor, vectors, count, (long)offset);
            if (done >= 0) return done;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }
    }

    /// <summary>Reads at an offset.</summary>
    /// <returns>Bytes, fewer than asked at the end of the file, or a negative errno.</returns>
    public int ReadAt(Span<byte> destination, ulong offset)
    {
        // SAFETY: pinned for the call; the kernel writes at most the span.
        fixed (byte* first = destination)
        {
            (nint Address, nint Length) vector = ((nint)first, destination.Length);
            return (int)ReadAt(&vector, 1, offset);
        }
    }

    /// <summary>Writes at an offset from <c>struct iovec</c>s.</summary>
    /// <param name="vectors">What to write.</param>
    /// <param name="count">Number of iovecs.</param>
    /// <param name="offset">Where.</param>
    /// <param name="flags">0 or <see cref="Durable"/>.</param>
    /// <returns>Bytes, or a negative errno.</returns>
    public nint WriteAt(void* vectors, int count, ulong offset, int flags)
    {
        while (true)
        {
            nint done = pwritev2(Descriptor, vectors, count, (long)offset, flags);
            if (done >= 0) return done;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }
    }

    /// <summary>Puts the data, and the metadata needed to find it, on stable storage (fdatasync).</summary>
    /// <returns>0 or a negative errno.</returns>
    public int SyncData()
    {
        while (fdatasync(Descriptor) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }

        return 0;
    }

    /// <summary>Allocates, frees or zeroes a range (fallocate).</summary>
    /// <returns>0 or a negative errno; EOPNOTSUPP where the filesystem or device cannot.</returns>
    public int Allocate(FileAllocation mode, ulong offset, ulong length)
    {
        while (fallocate(Descriptor, (int)mode, (long)offset, (long)length) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }

        return 0;
    }

    [LibraryImport("libc")]
    private static partial nint preadv(int fd, void* vectors, int count, long offset);

    [LibraryImport("libc")]
    private static partial nint pwritev2(int fd, void* vectors, int count, long offset, int flags);

    [LibraryImport("libc")]
    private static partial int fdatasync(int fd);

    [LibraryImport("libc")]
    private static partial int fallocate(int fd, int mode, long offset, long length);
}
