using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Makes a symbolic link.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int MakeLink(byte* target, int directory, byte* name) => Outcome(symlinkat(target, directory, name));

    [LibraryImport("libc")]
    private static partial int symlinkat(byte* target, int directory, byte* name);
}
