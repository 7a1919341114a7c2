using Plugvisor.Virtio.RateLimiting;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.RateLimiting;

public sealed class RateLimiterTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void Without_buckets_nothing_waits()
    {
        var limiter = new RateLimiter(null, null, _clock);
        Assert.False(limiter.IsLimiting);
        for (int i = 0; i < 1000; i++) Assert.Equal(TimeSpan.Zero, limiter.Take(uint.MaxValue));
    }

    [Fact]
    public void The_slower_of_bytes_and_operations_decides_and_a_refusal_takes_neither()
    {
        var limiter = new RateLimiter(TokenBucket.Create(4096, 0, 1000), TokenBucket.Create(10, 0, 1000), _clock);
        Assert.True(limiter.IsLimiting);
        Assert.Equal(TimeSpan.Zero, limiter.Take(4096));
        // The operation is returned each time.
        for (int i = 0; i < 100; i++) Assert.Equal(TimeSpan.FromSeconds(0.5), limiter.Take(2048));
        for (int i = 0; i < 9; i++) Assert.Equal(TimeSpan.Zero, limiter.Take(0));
        Assert.Equal(TimeSpan.FromMilliseconds(100), limiter.Take(0));
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(TimeSpan.Zero, limiter.Take(0));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, limiter.Take(4096));
    }

    [Fact]
    public void Over_a_minute_the_rate_is_what_was_asked_for()
    {
        var limiter = new RateLimiter(TokenBucket.Create(1 << 20, 0, 1000), null, _clock);
        long bytes = 0;
        for (int i = 0; i < 60_000; i++)
        {
            while (limiter.Take(4096) == TimeSpan.Zero) bytes += 4096;
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(bytes, 60L << 20, (61L << 20) + 4096);   // the bucket was full at the start
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _now = 1_000_000;

        public override long TimestampFrequency => 10_000_000;

        public void Advance(TimeSpan time) => _now += time.Ticks;

        public override long GetTimestamp() => _now;
    }
}
