namespace Plugvisor.Virtio.Workers;

/// <summary>What a <see cref="QueueWorker"/> does after <see cref="IQueueService.Serve"/>.</summary>
public readonly record struct QueueWait
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    private QueueWait(long nanoseconds) => Nanoseconds = nanoseconds;

    /// <summary>Serve again at once: there is more, or the service polls for a while instead of sleeping.</summary>
    public static QueueWait None => new(0);

    /// <summary>Sleep until a doorbell, a watched descriptor, or <see cref="QueueWorker.Wake"/>.</summary>
    public static QueueWait ForEvent => new(-1);

    /// <summary>0 for not at all, -1 for ever.</summary>
    internal long Nanoseconds { get; }

    /// <summary>The same as epoll takes it, rounded up.</summary>
    internal int Milliseconds =>
        Nanoseconds < 0 ? -1 : (int)Math.Min((Nanoseconds + NanosecondsPerMillisecond - 1) / NanosecondsPerMillisecond, int.MaxValue);

    /// <summary>Sleep as for <see cref="ForEvent"/>, but no longer than this. A <see cref="QueueWorker"/> rounds it up to a millisecond.</summary>
    public static QueueWait AtMost(TimeSpan time) =>
        new(time <= TimeSpan.Zero ? 0 : time.Ticks > long.MaxValue / TimeSpan.NanosecondsPerTick ? long.MaxValue : time.Ticks * TimeSpan.NanosecondsPerTick);
}
