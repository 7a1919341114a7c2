using System.Diagnostics;

namespace Plugvisor.Virtio.Workers;

/// <summary>
/// How long it pays to look around before sleeping, learnt from how long the sleeps were, as KVM's halt polling does: a sleep shorter than the
/// limit should have been looking around, so do that longer; a long one shows that it was in vain, so do it less. One thread.
/// </summary>
/// <param name="maxNanoseconds">The longest poll; a longer sleep was worth it.</param>
/// <param name="minNanoseconds">The shortest poll worth its while.</param>
public sealed class PollBudget(long maxNanoseconds, long minNanoseconds)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly long _max = maxNanoseconds * Stopwatch.Frequency / NanosecondsPerSecond;
    private readonly long _min = minNanoseconds * Stopwatch.Frequency / NanosecondsPerSecond;

    /// <summary>With one CPU, polling would keep the very thing waiting that it waits for.</summary>
    public static bool MayPoll { get; } = Environment.ProcessorCount > 1;

    /// <summary>As <see cref="Stopwatch"/> counts; 0 for not at all.</summary>
    public long Ticks { get; private set; }

    /// <summary>As new. Not while it is used.</summary>
    public void Forget() => Ticks = 0;

    /// <summary>Takes note of a sleep that followed a poll in vain.</summary>
    public void Learn(long slept)
    {
        if (slept <= _max) Ticks = Math.Clamp(Ticks * 2, _min, _max);
        else if (Ticks > _min) Ticks /= 2;
        else Ticks = 0;
    }
}
