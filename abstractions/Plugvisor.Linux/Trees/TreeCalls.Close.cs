using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Closes a descriptor. It is gone also when the answer is an error (close(2)).</summary>
    public static int Close(int descriptor) => Outcome(close(descriptor));

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
