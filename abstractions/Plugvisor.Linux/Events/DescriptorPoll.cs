using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Events;

/// <summary>
/// Waits for a few descriptors once (ppoll). Unlike <see cref="Epoll"/> it leaves nothing behind: whoever makes a descriptor ready while nobody
/// waits pays nothing for it.
/// </summary>
public static unsafe partial class DescriptorPoll
{
    private const int EINTR = 4;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Waits until something is ready. A signal ends the wait early with nothing ready.</summary>
    /// <param name="entries">What to wait for, and what is ready afterwards.</param>
    /// <param name="nanoseconds">The longest wait; 0 only looks, a negative number waits for ever.</param>
    /// <returns>How many entries are ready.</returns>
    /// <exception cref="LinuxException">The kernel is out of memory.</exception>
    public static int Wait(PollEntry[] entries, long nanoseconds)
    {
        ArgumentNullException.ThrowIfNull(entries);
        (long Seconds, long Nanoseconds) time = (nanoseconds / NanosecondsPerSecond, nanoseconds % NanosecondsPerSecond);
        // SAFETY: the kernel reads and writes that many entries of exactly this layout.
        fixed (PollEntry* first = entries)
        {
            int ready = ppoll(first, (nuint)entries.Length, nanoseconds < 0 ? null : &time, null);
            if (ready >= 0) return ready;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) throw new LinuxException("ppoll", errno);
            for (int i = 0; i < entries.Length; i++) entries[i].Ready = PollEvents.None;
            return 0;
        }
    }

    [LibraryImport("libc")]
    private static partial int ppoll(PollEntry* entries, nuint count, void* time, void* signalMask);
}
