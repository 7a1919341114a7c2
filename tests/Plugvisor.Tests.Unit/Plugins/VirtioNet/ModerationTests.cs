using System.Diagnostics;
using Plugvisor.Plugins.VirtioNet;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

public sealed class ModerationTests
{
    private readonly Moderation _moderation = new();
    private long _now = 1_000_000_000;

    [Fact]
    public void Few_frames_a_second_are_never_late()
    {
        for (int i = 0; i < 10_000; i++) Assert.False(After(Stopwatch.Frequency / (Moderation.BusyFramesPerSecond - 1000), 1), $"frame {i}");
    }

    [Fact]
    public void Many_are_let_gather_as_long_as_they_come()
    {
        int late = 0;
        for (int i = 0; i < 1000; i++) late += After(Stopwatch.Frequency / 10_000, 32) ? 1 : 0;
        Assert.InRange(late, 990, 1000);
        Assert.False(After(Stopwatch.Frequency / 10_000, 0));
    }

    [Fact]
    public void A_fast_exchange_of_single_frames_is_slowed_for_one_in_many()
    {
        // 50,000 a second, one after another: more than the limit, and each sleep brings one.
        int late = 0;
        for (int i = 0; i < 50_000; i++) late += After(Stopwatch.Frequency / 50_000, 1) ? 1 : 0;
        Assert.InRange(late, 1, 100);
    }

    private bool After(long time, long frames) => _moderation.Decide(_now += time, frames);
}
