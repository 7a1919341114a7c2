using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Plugvisor.Linux.Threads;

/// <summary>
/// A flag that threads wait for: one word and a futex, so setting a flag that nobody waits for is no system call, and a wait does not
/// take the detour of a monitor. Any thread sets and waits; whoever resets it sees to it that nobody waits then.
/// </summary>
public sealed unsafe partial class WaitFlag
{
    private const int Clear = 0;
    private const int Raised = 1;
    private const int Awaited = 2;      // clear, and the one who sets it has to wake somebody

    private const long FutexNumber = 202;
    private const int FUTEX_WAIT_PRIVATE = 128;
    private const int FUTEX_WAKE_PRIVATE = 129;
    private const long NanosecondsPerSecond = 1_000_000_000;

    // Where the collector never moves it, and freed with the flag: a thread may still be on its way out of the kernel when nobody else uses it.
    private readonly int[] _pinned;
    private readonly int* _word;

    /// <summary>Makes a flag that is not set.</summary>
    public WaitFlag()
    {
        _pinned = GC.AllocateArray<int>(1, pinned: true);
        // SAFETY: pinned for as long as this object refers to it.
        _word = (int*)Unsafe.AsPointer(ref _pinned[0]);
    }

    /// <summary>Whether it is set.</summary>
    public bool IsSet => Volatile.Read(ref *_word) == Raised;

    /// <summary>Sets it and wakes who waits. What was written before is visible to them.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref *_word, Raised) == Awaited)
            _ = futex(FutexNumber, _word, FUTEX_WAKE_PRIVATE, int.MaxValue, null);
    }

    /// <summary>Clears it. Nobody may be waiting. A full fence: what is read after it is read after it was clear.</summary>
    public void Reset() => Interlocked.Exchange(ref *_word, Clear);

    /// <summary>Waits until it is set.</summary>
    public void Wait() => TryWait(Timeout.InfiniteTimeSpan, TimeSpan.Zero);

    /// <summary>Waits until it is set, but no longer than this.</summary>
    /// <param name="time">Bound for the wait, by the system's clock; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="spin">How long of it to look instead of sleeping, where the flag is likely to be set by a thread that is running.</param>
    /// <returns>Whether it is set.</returns>
    public bool TryWait(TimeSpan time, TimeSpan spin)
    {
        if (IsSet) return true;
        long start = Stopwatch.GetTimestamp();
        if (spin > TimeSpan.Zero && Spin(start, spin < time || time < TimeSpan.Zero ? spin : time)) return true;
        while (true)
        {
            (long Seconds, long Nanoseconds) left = default;
            if (time >= TimeSpan.Zero)
            {
                long nanoseconds = (time - Stopwatch.GetElapsedTime(start)).Ticks * TimeSpan.NanosecondsPerTick;
                if (nanoseconds <= 0) return IsSet;
                left = (nanoseconds / NanosecondsPerSecond, nanoseconds % NanosecondsPerSecond);
            }

            if (Interlocked.CompareExchange(ref *_word, Awaited, Clear) == Raised) return true;
            // Comes back when woken, when the word has changed before, after the time, and for a signal: looked at anew each time.
            _ = futex(FutexNumber, _word, FUTEX_WAIT_PRIVATE, Awaited, time >= TimeSpan.Zero ? &left : null);
            if (IsSet) return true;
        }
    }

    private bool Spin(long start, TimeSpan time)
    {
        const int looksPerClock = 16;
        do
        {
            for (int i = 0; i < looksPerClock; i++)
            {
                if (IsSet) return true;
                if (X86Base.IsSupported) X86Base.Pause();
            }
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        return false;
    }

    // SAFETY: the kernel reads the word and the time; a relative time for FUTEX_WAIT, as (seconds, nanoseconds).
    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint futex(long number, int* word, int operation, int value, void* time);
}
