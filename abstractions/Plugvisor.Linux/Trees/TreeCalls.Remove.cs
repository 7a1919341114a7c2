using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Removes a name.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Remove(int directory, byte* name, int flags) => Outcome(unlinkat(directory, name, flags));

    [LibraryImport("libc")]
    private static partial int unlinkat(int directory, byte* name, int flags);
}
