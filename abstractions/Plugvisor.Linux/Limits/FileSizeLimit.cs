using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Limits;

/// <summary>How large the files of this process may become (RLIMIT_FSIZE).</summary>
public static partial class FileSizeLimit
{
    private const int SIGXFSZ = 25;
    private const nint SIG_IGN = 1;

    /// <summary>
    /// Whoever writes beyond the limit gets the error EFBIG, and not the signal as well, which ends the process: how much is written is often a guest's choice. For
    /// the whole process, once, when it starts.
    /// </summary>
    public static void IgnoreSignal() => _ = signal(SIGXFSZ, SIG_IGN);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);
}
