using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Files;

/// <summary>The process's umask.</summary>
public static partial class FileModeMask
{
    /// <summary>Sets it for files made from now on by any thread.</summary>
    /// <param name="mask">Permission bits to leave out.</param>
    /// <returns>The mask before.</returns>
    public static uint Set(uint mask) => umask(mask);

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);
}
