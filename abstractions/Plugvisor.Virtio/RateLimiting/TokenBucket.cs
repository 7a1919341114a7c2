namespace Plugvisor.Virtio.RateLimiting;

/// <summary>
/// A bucket of tokens that refills steadily: <c>size</c> tokens in <c>refill_time</c> milliseconds, never more than <c>size</c>.
/// Before it come <c>one_time_burst</c> tokens that are used up first and never come back. Free of locks: any number of
/// queues may share one.
/// <para>
/// The level is kept as a point in time, "empty since": what has passed since then, at most the refill time, is what is in the
/// bucket. Taking moves the point forward, so one compare-and-swap of one word does it all.
/// </para>
/// </summary>
public sealed class TokenBucket
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly ulong _size;
    private readonly long _capacity;     // nanoseconds from empty to full
    private long _emptySince;            // nanoseconds on the caller's clock; may lie in the future, which is debt
    private long _burst;

    private TokenBucket(ulong size, ulong oneTimeBurst, long capacity)
    {
        _size = size;
        _capacity = capacity;
        _emptySince = long.MinValue / 2;   // full
        _burst = (long)Math.Min(oneTimeBurst, long.MaxValue);
    }

    /// <summary>Makes a full bucket.</summary>
    /// <param name="size">Tokens it holds.</param>
    /// <param name="oneTimeBurst">Tokens beyond that, once.</param>
    /// <param name="refillTimeMilliseconds">Time from empty to full.</param>
    /// <returns>Null when the size or the time is 0: no limit.</returns>
    public static TokenBucket? Create(ulong size, ulong oneTimeBurst, ulong refillTimeMilliseconds)
    {
        if (size == 0 || refillTimeMilliseconds == 0) return null;
        ulong longest = long.MaxValue / 4 / NanosecondsPerMillisecond;
        return new TokenBucket(size, oneTimeBurst, (long)Math.Min(refillTimeMilliseconds, longest) * NanosecondsPerMillisecond);
    }

    /// <summary>
    /// Takes tokens, or says how long to wait for them. A request larger than the bucket needs a full one and leaves a debt,
    /// so it goes through and the rate still holds.
    /// </summary>
    /// <param name="tokens">How many.</param>
    /// <param name="now">Nanoseconds on a clock that never goes back; the same clock for all callers.</param>
    /// <param name="taken">What was taken, for <see cref="Return"/>.</param>
    /// <returns>0 when taken; else nanoseconds after which it is worth asking again.</returns>
    public long Take(ulong tokens, long now, out Taken taken)
    {
        long burst = TakeBurst(tokens);
        ulong rest = tokens - (ulong)burst;
        long cost = Cost(rest);
        taken = new Taken(burst, cost);
        if (cost == 0) return 0;

        long since = Volatile.Read(ref _emptySince);
        while (true)
        {
            long start = Math.Max(since, now - _capacity);       // what is older than a full bucket has spilled over
            long wait = start + Math.Min(cost, _capacity) - now;
            if (wait > 0)
            {
                if (burst > 0) Interlocked.Add(ref _burst, burst);
                taken = default;
                return wait;
            }

            long seen = Interlocked.CompareExchange(ref _emptySince, start + cost, since);
            if (seen == since) return 0;
            since = seen;   // another queue was faster
        }
    }

    /// <summary>Puts back what a request took here and then did not use, because another bucket refused it.</summary>
    public void Return(in Taken taken)
    {
        if (taken.Burst > 0) Interlocked.Add(ref _burst, taken.Burst);
        if (taken.Cost > 0) Interlocked.Add(ref _emptySince, -taken.Cost);
    }

    /// <summary>How full the bucket is, for a successor of the same size.</summary>
    /// <param name="now">As for <see cref="Take"/>.</param>
    public TokenBucketLevel Level(long now)
    {
        long since = Math.Max(Volatile.Read(ref _emptySince), now - _capacity);
        return new TokenBucketLevel(now - since, Volatile.Read(ref _burst));
    }

    /// <summary>Goes on at another bucket's level; where that was larger, full. Before anybody takes from it.</summary>
    /// <param name="level">The level, from whatever source: nonsense gives a bucket that is full or a quarter of the clock's range in debt.</param>
    /// <param name="now">As for <see cref="Take"/>.</param>
    public void Restore(in TokenBucketLevel level, long now)
    {
        Volatile.Write(ref _emptySince, now - Math.Clamp(level.Refilled, long.MinValue / 4, _capacity));
        Volatile.Write(ref _burst, Math.Clamp(level.Burst, 0, Volatile.Read(ref _burst)));
    }

    private long TakeBurst(ulong tokens)
    {
        long burst = Volatile.Read(ref _burst);
        while (burst > 0)
        {
            long part = (long)Math.Min((ulong)burst, tokens);
            long seen = Interlocked.CompareExchange(ref _burst, burst - part, burst);
            if (seen == burst) return part;
            burst = seen;
        }

        return 0;
    }

    /// <summary>The time in which that many tokens refill, at most a quarter of what the clock can hold.</summary>
    private long Cost(ulong tokens)
    {
        if (tokens == 0) return 0;
        UInt128 cost = (UInt128)tokens * (ulong)_capacity / _size;
        return cost > (UInt128)(long.MaxValue / 4) ? long.MaxValue / 4 : (long)cost;
    }

    /// <summary>What one request took.</summary>
    /// <param name="Burst">Tokens of the one-time burst.</param>
    /// <param name="Cost">Nanoseconds of refill.</param>
    public readonly record struct Taken(long Burst, long Cost);
}
