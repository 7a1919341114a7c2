namespace Plugvisor.Virtio.RateLimiting;

/// <summary>
/// Limits bytes and operations. One limiter may belong to one device or, as a rate-limit group, to several; any thread, free
/// of locks.
/// </summary>
/// <param name="bandwidth">Bytes, or null for no limit.</param>
/// <param name="operations">Operations, or null for no limit.</param>
/// <param name="clock">The device's clock.</param>
public sealed class RateLimiter(TokenBucket? bandwidth, TokenBucket? operations, TimeProvider clock)
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long NanosecondsPerTick = 100;

    private readonly long _frequency = clock.TimestampFrequency;

    /// <summary>Whether there is anything to limit.</summary>
    public bool IsLimiting => bandwidth is not null || operations is not null;

    /// <summary>Takes one operation of so many bytes.</summary>
    /// <returns><see cref="TimeSpan.Zero"/> when it may go on now; else the time after which to ask again. Then nothing was
    /// taken.</returns>
    public TimeSpan Take(ulong bytes)
    {
        long now = Now();
        TokenBucket.Taken operation = default;
        long wait = operations is null ? 0 : operations.Take(1, now, out operation);
        if (wait == 0 && bandwidth is not null && bytes > 0)
        {
            wait = bandwidth.Take(bytes, now, out _);
            if (wait > 0) operations?.Return(operation);
        }

        return wait == 0 ? TimeSpan.Zero : TimeSpan.FromTicks((wait + NanosecondsPerTick - 1) / NanosecondsPerTick);
    }

    /// <summary>How full the buckets are now, for a successor with the same limits.</summary>
    public RateLimiterLevel Level
    {
        get
        {
            long now = Now();
            return new RateLimiterLevel(bandwidth?.Level(now) ?? default, operations?.Level(now) ?? default);
        }
    }

    /// <summary>Goes on at another limiter's level. Before anybody takes from it.</summary>
    public void Restore(in RateLimiterLevel level)
    {
        long now = Now();
        bandwidth?.Restore(level.Bandwidth, now);
        operations?.Restore(level.Operations, now);
    }

    private long Now()
    {
        long stamp = clock.GetTimestamp();
        return _frequency == NanosecondsPerSecond ? stamp : (long)((Int128)stamp * NanosecondsPerSecond / _frequency);
    }
}
