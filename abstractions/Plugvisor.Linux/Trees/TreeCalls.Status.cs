using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>What a name or (with <see cref="EmptyPath"/>) a descriptor is (statx(2)).</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int Status(int directory, byte* name, int flags, TreeStatus* status) =>
        Outcome(statx(directory, name, flags, TreeStatus.Wanted, status));

    [LibraryImport("libc")]
    private static partial int statx(int directory, byte* path, int flags, uint mask, TreeStatus* buffer);
}
