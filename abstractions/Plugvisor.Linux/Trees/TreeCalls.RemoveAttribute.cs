using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Removes an extended attribute. Follows a last link of the path.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int RemoveAttribute(byte* path, byte* name) => Outcome(removexattr(path, name));

    [LibraryImport("libc")]
    private static partial int removexattr(byte* path, byte* name);
}
