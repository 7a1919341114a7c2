using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

/// <summary>
/// System calls on a tree of files, by descriptor and name, for servers that hold many descriptors and must not allocate: a descriptor is a plain number that
/// the caller owns, a name is bytes that end with a NUL, and what fails answers a negative errno. Any thread.
/// </summary>
public static unsafe partial class TreeCalls
{
    /// <summary>A directory argument that stands for none: the path is absolute.</summary>
    public const int NoDirectory = -100;   // AT_FDCWD

    /// <summary>The name is empty: the call is about the descriptor itself.</summary>
    public const int EmptyPath = 0x1000;   // AT_EMPTY_PATH

    /// <summary>A last symbolic link is looked at and not followed.</summary>
    public const int NoFollow = 0x100;     // AT_SYMLINK_NOFOLLOW

    /// <summary>A last symbolic link is followed.</summary>
    public const int Follow = 0x400;       // AT_SYMLINK_FOLLOW

    /// <summary>A directory that would be mounted on first use is not.</summary>
    public const int NoAutomount = 0x800;  // AT_NO_AUTOMOUNT

    /// <summary><see cref="Remove"/>: the name is a directory.</summary>
    public const int RemoveDirectory = 0x200;   // AT_REMOVEDIR

    private const int EINTR = 4;

    private static int Outcome(int result) => result >= 0 ? result : -Marshal.GetLastSystemError();

    private static long Outcome(long result) => result >= 0 ? result : -Marshal.GetLastSystemError();
}
