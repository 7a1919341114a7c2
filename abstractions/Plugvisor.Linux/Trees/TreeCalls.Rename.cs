using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Renames (renameat2(2)).</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Rename(int directory, byte* name, int toDirectory, byte* toName, uint flags) =>
        Outcome(renameat2(directory, name, toDirectory, toName, flags));

    [LibraryImport("libc")]
    private static partial int renameat2(int directory, byte* name, int toDirectory, byte* toName, uint flags);
}
