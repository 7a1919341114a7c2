using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>A second descriptor of an open file, close-on-exec.</summary>
    public static int Duplicate(int descriptor) => Outcome(fcntl(descriptor, 1030, 0));   // F_DUPFD_CLOEXEC

    [LibraryImport("libc")]
    private static partial int fcntl(int fd, int command, nint argument);
}
