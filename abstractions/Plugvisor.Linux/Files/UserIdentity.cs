using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Files;

/// <summary>Whom the kernel takes this process for when it opens files.</summary>
public static partial class UserIdentity
{
    /// <summary>The effective user id.</summary>
    public static uint Id => geteuid();

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
