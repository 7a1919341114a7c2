using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Reads an extended attribute. Follows a last link of the path.</summary>
    /// <returns>Bytes, or the size when the buffer has none; or a negative errno.</returns>
    public static int GetAttribute(byte* path, byte* name, byte* value, int length) => (int)Outcome(getxattr(path, name, value, (nuint)length));

    [LibraryImport("libc")]
    private static partial long getxattr(byte* path, byte* name, void* value, nuint length);
}
