using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Reads at an offset into <c>struct iovec</c>s.</summary>
    /// <returns>Bytes, fewer than asked at the end of the file; or a negative errno.</returns>
    public static long ReadVectors(int descriptor, void* vectors, int count, long offset)
    {
        long result;
        do result = Outcome(preadv(descriptor, vectors, count, offset));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial long preadv(int fd, void* vectors, int count, long offset);
}
