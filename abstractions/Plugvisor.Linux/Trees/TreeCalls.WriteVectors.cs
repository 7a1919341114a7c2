using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Writes at an offset from <c>struct iovec</c>s.</summary>
    /// <returns>Bytes or a negative errno.</returns>
    public static long WriteVectors(int descriptor, void* vectors, int count, long offset)
    {
        long result;
        do result = Outcome(pwritev(descriptor, vectors, count, offset));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial long pwritev(int fd, void* vectors, int count, long offset);
}
