using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>
    /// Opens a name. Follows links on the way, as openat(2) does: for names that the caller made itself, such as the number of a descriptor in
    /// <c>/proc/self/fd</c>. <see cref="OpenBeneath"/> is for names from elsewhere.
    /// </summary>
    public static int OpenAt(int directory, byte* name, int flags, uint mode)
    {
        int result;
        do result = Outcome(openat(directory, name, flags, mode));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc")]
    private static partial int openat(int directory, byte* path, int flags, uint mode);
}
