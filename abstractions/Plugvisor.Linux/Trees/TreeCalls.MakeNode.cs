using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Makes a file, FIFO, socket or device node.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int MakeNode(int directory, byte* name, uint mode, ulong device) => Outcome(mknodat(directory, name, mode, device));

    [LibraryImport("libc")]
    private static partial int mknodat(int directory, byte* name, uint mode, ulong device);
}
