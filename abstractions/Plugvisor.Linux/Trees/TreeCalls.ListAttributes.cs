using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Lists names of extended attributes, each with a NUL. Follows a last link of the path.</summary>
    /// <returns>Bytes, or the size when the buffer has none; or a negative errno.</returns>
    public static int ListAttributes(byte* path, byte* names, int length) => (int)Outcome(listxattr(path, names, (nuint)length));

    [LibraryImport("libc")]
    private static partial long listxattr(byte* path, byte* names, nuint length);
}
