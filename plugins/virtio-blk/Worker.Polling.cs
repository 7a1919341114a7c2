using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Plugvisor.Plugins.VirtioBlk.Engines;

namespace Plugvisor.Plugins.VirtioBlk;

// Sleeping costs a switch there and back, and a doorbell from the guest, which is the dearest of all: the vCPU leaves the guest for it. So
// after work the thread looks around for a moment, as long as that pays. How long is learnt as KVM's halt polling does: a sleep that was
// shorter than the limit should have been polling, so poll longer; a long one shows that polling was in vain, so poll less.
internal sealed partial class Worker
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long MaxPollNanoseconds = 64_000;
    private const long MinPollNanoseconds = 4_000;
    private const int LooksPerClock = 16;

    /// <summary>With one CPU, polling would keep the very thing waiting that it waits for.</summary>
    private static readonly bool s_mayPoll = Environment.ProcessorCount > 1;

    private static readonly long s_maxPoll = MaxPollNanoseconds * Stopwatch.Frequency / NanosecondsPerSecond;
    private static readonly long s_minPoll = MinPollNanoseconds * Stopwatch.Frequency / NanosecondsPerSecond;

    private long _poll;   // Stopwatch ticks

    private void LearnPolling(long slept)
    {
        if (slept <= s_maxPoll) _poll = Math.Clamp(_poll * 2, s_minPoll, s_maxPoll);
        else if (_poll > s_minPoll) _poll /= 2;
        else _poll = 0;
    }

    /// <summary>Looks around for completions and new requests.</summary>
    /// <returns>Whether there is something to do.</returns>
    private bool Poll(BlockEngine engine)
    {
        long budget = _poll;
        if (budget == 0) return false;
        long end = Stopwatch.GetTimestamp() + budget;
        do
        {
            for (int i = 0; i < LooksPerClock; i++)
            {
                if (engine.HasEvents || Accept(engine)) return true;
                if (X86Base.IsSupported) X86Base.Pause();
            }

            if (Volatile.Read(ref _state) == Stopping) return true;
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }
}
