using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Threads;

/// <summary>
/// Core scheduling (Linux Documentation/admin-guide/hw-vuln/core-scheduling.rst): threads run on one core's hyperthreads at the same time only when
/// they have the same cookie. A kernel without it, or a machine without hyperthreads, refuses; callers may take that as "nothing to protect".
/// </summary>
public static partial class CoreCookie
{
    private const int PR_SCHED_CORE = 62;
    private const nuint PR_SCHED_CORE_CREATE = 1;
    private const nuint PR_SCHED_CORE_SHARE_FROM = 3;
    private const nuint PR_SCHED_CORE_SCOPE_THREAD = 0;

    /// <summary>Gives the calling thread a cookie of its own.</summary>
    /// <returns>0, or the errno value (ENODEV: no hyperthreads; EINVAL: not in this kernel).</returns>
    public static int Create() => Call(PR_SCHED_CORE_CREATE, 0);

    /// <summary>Gives the calling thread another thread's cookie.</summary>
    /// <param name="threadId">The other thread's kernel id, of this process.</param>
    /// <returns>0, or the errno value.</returns>
    public static int ShareFrom(int threadId) => Call(PR_SCHED_CORE_SHARE_FROM, (nuint)threadId);

    /// <summary>Kernel id of the calling thread.</summary>
    public static int ThisThread() => gettid();

    private static int Call(nuint command, nuint threadId) =>
        prctl(PR_SCHED_CORE, command, threadId, PR_SCHED_CORE_SCOPE_THREAD, 0) == 0 ? 0 : Marshal.GetLastSystemError();

    [LibraryImport("libc")]
    private static partial int prctl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc")]
    private static partial int gettid();
}
