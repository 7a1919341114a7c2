using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Changes owner and group; an id of all ones stays.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int ChangeOwner(int directory, byte* name, uint user, uint group, int flags) =>
        Outcome(fchownat(directory, name, user, group, flags));

    [LibraryImport("libc")]
    private static partial int fchownat(int directory, byte* name, uint user, uint group, int flags);
}
