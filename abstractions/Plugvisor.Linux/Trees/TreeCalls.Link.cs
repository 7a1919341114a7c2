using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Gives a file one more name.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Link(int directory, byte* name, int toDirectory, byte* toName, int flags) =>
        Outcome(linkat(directory, name, toDirectory, toName, flags));

    [LibraryImport("libc")]
    private static partial int linkat(int directory, byte* name, int toDirectory, byte* toName, int flags);
}
