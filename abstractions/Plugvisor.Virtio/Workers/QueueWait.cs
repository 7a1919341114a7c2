namespace Plugvisor.Virtio.Workers;

/// <summary>What a <see cref="QueueWorker"/> does after <see cref="IQueueService.Serve"/>.</summary>
public readonly record struct QueueWait
{
    private QueueWait(int milliseconds) => Milliseconds = milliseconds;

    /// <summary>Serve again at once: there is more, or the service polls for a while instead of sleeping.</summary>
    public static QueueWait None => new(0);

    /// <summary>Sleep until a doorbell, a watched descriptor, or <see cref="QueueWorker.Wake"/>.</summary>
    public static QueueWait ForEvent => new(-1);

    /// <summary>As the kernel takes it: 0 not at all, -1 for ever.</summary>
    internal int Milliseconds { get; }

    /// <summary>Sleep as for <see cref="ForEvent"/>, but no longer than this; rounded up to a millisecond.</summary>
    public static QueueWait AtMost(TimeSpan time) =>
        new((int)Math.Clamp((time.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond, 0, int.MaxValue));
}
