using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Files;

/// <summary>How many descriptors this process may have (RLIMIT_NOFILE).</summary>
public static unsafe partial class OpenFileLimit
{
    private const int RLIMIT_NOFILE = 7;

    /// <summary>The limit that holds now. The .NET runtime raises it to the hard limit when it starts.</summary>
    public static ulong Current
    {
        get
        {
            Limit limit = default;
            // The call cannot fail with these arguments.
            _ = getrlimit(RLIMIT_NOFILE, &limit);
            return limit.Soft;
        }
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, Limit* limit);

    /// <summary><c>struct rlimit</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
