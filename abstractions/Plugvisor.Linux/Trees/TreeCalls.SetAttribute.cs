using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Sets an extended attribute. Follows a last link of the path.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int SetAttribute(byte* path, byte* name, byte* value, int length, int flags) => Outcome(setxattr(path, name, value, (nuint)length, flags));

    [LibraryImport("libc")]
    private static partial int setxattr(byte* path, byte* name, void* value, nuint length, int flags);
}
