using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Allocates, frees or zeroes a range; the mode as in fallocate(2).</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Allocate(int descriptor, int mode, long offset, long length)
    {
        int result;
        do result = Outcome(fallocate(descriptor, mode, offset, length));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int fallocate(int fd, int mode, long offset, long length);
}
