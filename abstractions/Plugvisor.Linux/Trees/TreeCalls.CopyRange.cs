using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Copies bytes from file to file inside the kernel (copy_file_range(2)).</summary>
    /// <returns>Bytes or a negative errno.</returns>
    public static long CopyRange(int from, long fromOffset, int to, long toOffset, nuint length)
    {
        long result;
        do result = Outcome(copy_file_range(from, &fromOffset, to, &toOffset, length, 0));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial long copy_file_range(int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);
}
