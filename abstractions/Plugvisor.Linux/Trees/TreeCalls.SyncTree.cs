using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Puts the whole filesystem of an open file on stable storage.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int SyncTree(int descriptor) => Outcome(syncfs(descriptor));

    [LibraryImport("libc")]
    private static partial int syncfs(int fd);
}
