using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Reads a symbolic link; with an empty name the one that an O_PATH descriptor stands for.</summary>
    /// <returns>Bytes, cut to the buffer, without a NUL; or a negative errno.</returns>
    public static int ReadLink(int directory, byte* name, byte* buffer, int length) => (int)Outcome(readlinkat(directory, name, buffer, (nuint)length));

    [LibraryImport("libc")]
    private static partial long readlinkat(int directory, byte* name, byte* buffer, nuint length);
}
