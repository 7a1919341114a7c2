using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Puts a file or directory on stable storage.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Sync(int descriptor)
    {
        int result;
        do result = Outcome(fsync(descriptor));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int fsync(int fd);
}
