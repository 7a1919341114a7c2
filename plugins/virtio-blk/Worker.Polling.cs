using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Plugvisor.Plugins.VirtioBlk.Engines;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioBlk;

// Sleeping costs a switch there and back, and a doorbell from the guest, which is the dearest of all: the vCPU leaves the guest for it. So
// after work the thread looks around for a moment, as long as that pays. How long is learnt as KVM's halt polling does: a sleep that was
// shorter than the limit should have been polling, so poll longer; a long one shows that polling was in vain, so poll less.
// Waiting for a disk and waiting for a guest are learnt apart. The limit for the disk is that of KVM's halt polling (its halt_poll_ns is
// 200 us), enough for the latency of flash; a guest that has nothing in flight is given less, as it may be busy with other things.
internal sealed partial class Worker
{
    private const long MaxPollForDisk = 200_000;
    private const long MaxPollForGuest = 50_000;
    private const long MinPoll = 4_000;
    private const int LooksPerClock = 16;

    private readonly PollBudget _diskPoll = new(MaxPollForDisk, MinPoll);
    private readonly PollBudget _guestPoll = new(MaxPollForGuest, MinPoll);

    private PollBudget? _polled;   // the budget that the last poll used, and the next sleep is to teach

    /// <summary>
    /// The queue starts anew, and so does what was learnt: a driver that resets its disk again and again must not keep a CPU polling.
    /// </summary>
    private void ForgetPolling()
    {
        _diskPoll.Forget();
        _guestPoll.Forget();
        _polled = null;
    }

    /// <summary>Looks around for completions and new requests.</summary>
    /// <returns>Whether there is something to do.</returns>
    private bool Poll(BlockEngine engine)
    {
        _polled = IsIdle ? _guestPoll : _diskPoll;
        long budget = _polled.Ticks;
        if (budget == 0 || !PollBudget.MayPoll) return false;
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
