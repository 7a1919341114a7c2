using System.Diagnostics;
using Plugvisor.Linux.Threads;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Threads;

public sealed class WaitFlagTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    [Fact]
    public void A_set_flag_is_not_waited_for_until_it_is_reset()
    {
        var flag = new WaitFlag();
        Assert.False(flag.IsSet);
        flag.Set();
        flag.Set();
        Assert.True(flag.IsSet);
        flag.Wait();
        Assert.True(flag.TryWait(TimeSpan.Zero, TimeSpan.Zero));
        flag.Reset();
        Assert.False(flag.TryWait(TimeSpan.Zero, TimeSpan.Zero));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public void A_wait_ends_after_its_time(int spinMicroseconds)
    {
        var flag = new WaitFlag();
        long start = Stopwatch.GetTimestamp();
        Assert.False(flag.TryWait(TimeSpan.FromMilliseconds(30), TimeSpan.FromMicroseconds(spinMicroseconds)));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 30, 20_000);
        flag.Set();   // after a wait in vain it is as good as before
        Assert.True(flag.TryWait(TimeSpan.Zero, TimeSpan.Zero));
    }

    [Fact]
    public void All_who_wait_are_woken()
    {
        var flag = new WaitFlag();
        int woken = 0;
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                if (flag.TryWait(s_long, TimeSpan.Zero)) Interlocked.Increment(ref woken);
            });
            threads[i].Start();
        }

        flag.Set();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal(4, woken);
    }

    [Fact]
    public void No_wake_is_lost_between_two_threads()
    {
        WaitFlag ping = new(), pong = new();
        var other = new Thread(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                if (!ping.TryWait(s_long, TimeSpan.Zero)) return;
                ping.Reset();
                pong.Set();
            }
        });
        other.Start();
        for (int i = 0; i < 20_000; i++)
        {
            ping.Set();
            Assert.True(pong.TryWait(s_long, TimeSpan.FromMicroseconds(i % 3)), $"round {i}");
            pong.Reset();
        }

        other.Join();
    }
}
