using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Reads entries of an open directory as <c>struct linux_dirent64</c> (getdents64(2)).</summary>
    /// <returns>Bytes; 0 at the end; a negative errno.</returns>
    public static int Entries(int directory, byte* buffer, int length) => (int)Outcome(getdents64(directory, buffer, (nuint)length));

    [LibraryImport("libc")]
    private static partial long getdents64(int fd, void* buffer, nuint length);
}
