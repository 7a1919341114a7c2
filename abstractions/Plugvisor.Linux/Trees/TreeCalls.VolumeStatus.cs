using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>What the filesystem of a descriptor is and holds.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int VolumeStatus(int descriptor, VolumeStatus* status) => Outcome(fstatfs(descriptor, status));

    [LibraryImport("libc")]
    private static partial int fstatfs(int fd, VolumeStatus* buffer);
}
