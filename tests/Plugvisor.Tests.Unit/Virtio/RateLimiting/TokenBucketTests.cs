using Plugvisor.Virtio.RateLimiting;
using Xunit;

namespace Plugvisor.Tests.Unit.Virtio.RateLimiting;

public sealed class TokenBucketTests
{
    private const long Millisecond = 1_000_000;
    private const long Start = 12_345 * Millisecond;

    [Theory]
    [InlineData(0ul, 100ul)]
    [InlineData(100ul, 0ul)]
    public void No_size_or_no_time_is_no_limit(ulong size, ulong refill) => Assert.Null(TokenBucket.Create(size, 5, refill));

    [Fact]
    public void A_full_bucket_gives_its_size_and_then_says_how_long_to_wait()
    {
        TokenBucket bucket = TokenBucket.Create(1000, 0, 100)!;
        Assert.Equal(0, bucket.Take(600, Start, out _));
        Assert.Equal(0, bucket.Take(400, Start, out _));
        Assert.Equal(10 * Millisecond, bucket.Take(100, Start, out _));
        Assert.Equal(1 * Millisecond, bucket.Take(100, Start + 9 * Millisecond, out _));
        Assert.Equal(0, bucket.Take(100, Start + 10 * Millisecond, out _));
    }

    [Fact]
    public void It_refills_steadily_and_never_beyond_its_size()
    {
        TokenBucket bucket = TokenBucket.Create(1000, 0, 100)!;
        Assert.Equal(0, bucket.Take(1000, Start, out _));
        long later = Start + 3600 * 1000 * Millisecond;
        Assert.Equal(0, bucket.Take(1000, later, out _));
        Assert.Equal(100_000, bucket.Take(1, later, out _));   // 0.1 ms a token
    }

    [Fact]
    public void The_one_time_burst_goes_first_and_never_comes_back()
    {
        TokenBucket bucket = TokenBucket.Create(1000, 5000, 100)!;
        Assert.Equal(0, bucket.Take(4500, Start, out _));
        Assert.Equal(0, bucket.Take(1000, Start, out TokenBucket.Taken taken));   // 500 of the burst, 500 of the bucket
        Assert.Equal(new TokenBucket.Taken(500, 50 * Millisecond), taken);
        Assert.Equal(0, bucket.Take(500, Start, out _));
        Assert.Equal(0, bucket.Take(1000, Start + 10_000 * Millisecond, out _));
        Assert.NotEqual(0, bucket.Take(1000, Start + 10_000 * Millisecond, out _));
    }

    [Fact]
    public void A_refused_request_takes_nothing_of_the_burst()
    {
        TokenBucket bucket = TokenBucket.Create(10, 100, 100)!;
        Assert.Equal(0, bucket.Take(100, Start, out _));      // the burst
        Assert.Equal(0, bucket.Take(10, Start, out _));       // the bucket
        TokenBucket other = TokenBucket.Create(10, 5, 100)!;
        Assert.Equal(0, other.Take(15, Start, out _));
        Assert.NotEqual(0, other.Take(7, Start, out TokenBucket.Taken taken));
        Assert.Equal(default, taken);
    }

    [Fact]
    public void A_request_larger_than_the_bucket_goes_through_and_leaves_a_debt()
    {
        TokenBucket bucket = TokenBucket.Create(1000, 0, 100)!;
        Assert.Equal(0, bucket.Take(10_000, Start, out _));
        Assert.Equal(1000 * Millisecond, bucket.Take(10_000, Start, out _));   // the debt, then a full bucket
        Assert.Equal(0, bucket.Take(1000, Start + 1000 * Millisecond, out _));
    }

    [Fact]
    public void The_largest_numbers_overflow_nothing()
    {
        TokenBucket bucket = TokenBucket.Create(1, ulong.MaxValue, ulong.MaxValue)!;
        for (int i = 0; i < 10; i++) Assert.InRange(bucket.Take(ulong.MaxValue / 4, Start, out _), 0, long.MaxValue);
        TokenBucket tiny = TokenBucket.Create(ulong.MaxValue, 0, 1)!;
        Assert.Equal(0, tiny.Take(1, Start, out _));
        TokenBucket slow = TokenBucket.Create(1, 0, ulong.MaxValue)!;
        Assert.Equal(0, slow.Take(ulong.MaxValue, Start, out _));
        Assert.InRange(slow.Take(1, Start, out _), 1, long.MaxValue);
        Assert.InRange(slow.Take(1, Start + 1, out _), 1, long.MaxValue);
    }

    [Fact]
    public void Threads_that_share_a_bucket_get_exactly_what_is_in_it()
    {
        TokenBucket bucket = TokenBucket.Create(100_000, 50_000, 1000)!;
        long taken = 0;
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                while (bucket.Take(3, Start, out _) == 0) Interlocked.Add(ref taken, 3);
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.InRange(taken, 149_985, 150_000);
    }
}
