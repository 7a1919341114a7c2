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
    public void Many_are_let_gather_as_long_as_they_come_and_some_gaps_do_not_matter()
    {
        int late = 0;
        for (int i = 0; i < 10_000; i++) late += After(Stopwatch.Frequency / 10_000, i % 4 == 0 ? 0 : 32) ? 1 : 0;
        Assert.InRange(late, 9_900, 10_000);
        for (int i = 0; i < 20; i++) After(Stopwatch.Frequency / 10_000, 0);
        Assert.False(_moderation.IsOn);
    }

    [Fact]
    public void A_fast_exchange_of_single_frames_is_slowed_for_a_moment_now_and_then()
    {
        // 50,000 a second, one after another: more than the limit, and each sleep brings one. The other side waits for the answer to one that is late.
        long start = _now, late = 0, frames = 0;
        for (bool isLate = false; _now - start < 10 * Stopwatch.Frequency; frames++)
        {
            isLate = After(isLate ? (long)(Moderation.Moment.TotalSeconds * Stopwatch.Frequency) : Stopwatch.Frequency / 50_000, 1);
            late += isLate ? 1 : 0;
        }

        Assert.InRange(frames, 485_000, 500_000);
        Assert.InRange(late, 1, 4_000);
    }

    private bool After(long time, long frames) => _moderation.Decide(_now += time, frames);
}
