using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Threads;

/// <summary>
/// A real-time signal aimed at one thread, to break it out of a blocking call. The signal is kept blocked on the thread and
/// only let in by calls that take a signal mask (ppoll, KVM_RUN), so no handler ever runs: such a call returns EINTR, and
/// <see cref="Consume"/> takes the pending signal away.
/// </summary>
public static unsafe partial class ThreadSignal
{
    /// <summary>Signal number: SIGRTMIN (34 with glibc) is the .NET runtime's own, this one nobody uses.</summary>
    public const int Number = 40;

    /// <summary>Bytes of the kernel's signal set.</summary>
    public const int SetSize = 8;

    private const int SIG_BLOCK = 0;

    /// <summary>The kernel's id of the calling thread.</summary>
    public static int CurrentThreadId => gettid();

    /// <summary>Blocks the signal on the calling thread.</summary>
    /// <returns>The thread's mask as it is for calls that take one: what it was, without the signal.</returns>
    public static ulong BlockOnThisThread()
    {
        SignalSet block = default, before = default;
        block.Bits = 1UL << (Number - 1);
        // Cannot fail: the arguments are valid.
        _ = pthread_sigmask(SIG_BLOCK, &block, &before);
        return before.Bits & ~block.Bits;
    }

    /// <summary>Sends the signal to a thread of this process. A thread that is gone is no error.</summary>
    public static void Send(int threadId) => _ = tgkill(Environment.ProcessId, threadId, Number);

    /// <summary>Takes the signal if it is pending on the calling thread.</summary>
    public static void Consume()
    {
        SignalSet set = default;
        set.Bits = 1UL << (Number - 1);
        long* noWait = stackalloc long[2];
        noWait[0] = noWait[1] = 0;
        while (sigtimedwait(&set, null, noWait) == Number)
        {
        }
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int tgkill(int processId, int threadId, int signal);

    [LibraryImport("libc")]
    private static partial int pthread_sigmask(int how, SignalSet* set, SignalSet* before);

    [LibraryImport("libc")]
    private static partial int sigtimedwait(SignalSet* set, void* info, long* timeout);

    /// <summary>glibc's sigset_t: 1024 bits, of which the kernel knows 64.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct SignalSet
    {
        public ulong Bits;
    }
}
