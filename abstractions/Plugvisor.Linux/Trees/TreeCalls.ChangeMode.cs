using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Changes permission bits. Follows a last link.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int ChangeMode(int directory, byte* name, uint mode) => Outcome(fchmodat(directory, name, mode, 0));

    [LibraryImport("libc")]
    private static partial int fchmodat(int directory, byte* name, uint mode, int flags);
}
