using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Makes a directory.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int MakeDirectory(int directory, byte* name, uint mode) => Outcome(mkdirat(directory, name, mode));

    [LibraryImport("libc")]
    private static partial int mkdirat(int directory, byte* name, uint mode);
}
