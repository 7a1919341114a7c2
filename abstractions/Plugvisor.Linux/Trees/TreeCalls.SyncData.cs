using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Puts a file's bytes, and what is needed to find them, on stable storage.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int SyncData(int descriptor)
    {
        int result;
        do result = Outcome(fdatasync(descriptor));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int fdatasync(int fd);
}
