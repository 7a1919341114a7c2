using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Sets the length of a file that is open for writing.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Truncate(int descriptor, long length)
    {
        int result;
        do result = Outcome(ftruncate(descriptor, length));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int ftruncate(int fd, long length);
}
