using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Trees;

public static unsafe partial class TreeCalls
{
    /// <summary>Sets times of access and change: two <c>struct timespec</c>, whose nanoseconds can be <see cref="TimeNow"/> or <see cref="TimeOmit"/>.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static int SetTimes(int directory, byte* name, TreeTime* times, int flags) => Outcome(utimensat(directory, name, times, flags));

    /// <summary>As nanoseconds: the time of the call.</summary>
    public const long TimeNow = 0x3fffffff;    // UTIME_NOW

    /// <summary>As nanoseconds: unchanged.</summary>
    public const long TimeOmit = 0x3ffffffe;   // UTIME_OMIT

    [LibraryImport("libc")]
    private static partial int utimensat(int directory, byte* name, TreeTime* times, int flags);
}
