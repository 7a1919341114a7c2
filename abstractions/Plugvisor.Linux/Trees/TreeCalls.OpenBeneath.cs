using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    // openat2(2) has no wrapper in libc. RESOLVE_ flags of include/uapi/linux/openat2.h.
    private const long Openat2Number = 437;
    private const ulong RESOLVE_NO_MAGICLINKS = 2;
    private const ulong RESOLVE_NO_SYMLINKS = 4;
    private const ulong RESOLVE_BENEATH = 8;

    /// <summary>
    /// Opens a name in a directory and nothing that is not below it: no symbolic link and no link of /proc is followed, <c>..</c> does not leave it.
    /// With O_PATH and O_NOFOLLOW a symbolic link itself can be opened.
    /// </summary>
    /// <returns>A descriptor; -ELOOP for a link, -EXDEV for a way out; another negative errno.</returns>
    public static int OpenBeneath(int directory, byte* name, int flags, uint mode)
    {
        OpenHow how = default;
        how.Flags = (uint)flags;
        how.Mode = mode;
        how.Resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        int result;
        do result = (int)Outcome(openat2(Openat2Number, directory, name, &how, (nuint)sizeof(OpenHow)));
        while (result == -EINTR);
        return result;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long openat2(long number, int directory, byte* path, OpenHow* how, nuint size);

    /// <summary><c>struct open_how</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }
}
