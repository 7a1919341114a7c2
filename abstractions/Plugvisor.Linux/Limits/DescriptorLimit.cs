using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Limits;

/// <summary>How many file descriptors this process may open, and has. Any thread.</summary>
public static partial class DescriptorLimit
{
    private const int RLIMIT_NOFILE = 7;

    /// <summary>How many this process may have. The .NET runtime raises it to the hard limit when it starts.</summary>
    /// <exception cref="LinuxException">The limit cannot be read.</exception>
    public static long Current
    {
        get
        {
            // SAFETY: the structure is ours and has the layout of struct rlimit.
            int result;
            Limits limits;
            unsafe
            {
                result = getrlimit(RLIMIT_NOFILE, &limits);
            }

            if (result != 0) throw new LinuxException("getrlimit", Marshal.GetLastSystemError());
            return (long)Math.Min(limits.Soft, long.MaxValue);
        }
    }

    /// <summary>How many more can be opened now: a guess, as other threads open and close. Lists a directory, so not for hot paths.</summary>
    /// <exception cref="LinuxException">The limit cannot be read.</exception>
    public static long Free() => Current - Directory.GetFileSystemEntries("/proc/self/fd").Length;

    [LibraryImport("libc")]
    private static unsafe partial int getrlimit(int resource, Limits* limits);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        public ulong Soft;
        public ulong Hard;
    }
}
