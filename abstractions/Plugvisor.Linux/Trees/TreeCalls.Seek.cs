using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Moves the position of an open file or directory, or finds data and holes (lseek(2)).</summary>
    /// <returns>The position or a negative errno.</returns>
    public static long Seek(int descriptor, long offset, int origin) => Outcome(lseek(descriptor, offset, origin));

    [LibraryImport("libc")]
    private static partial long lseek(int fd, long offset, int origin);
}
