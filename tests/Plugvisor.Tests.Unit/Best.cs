using System.Diagnostics;

namespace Plugvisor.Tests.Unit;

/// <summary>How long something takes, at best: a busy machine makes some tries longer, and what is slow makes all of them so.</summary>
internal static class Best
{
    private const int Tries = 5;

    /// <summary>Does it until it was quick enough, some times at most.</summary>
    /// <returns>The shortest time.</returns>
    public static TimeSpan Of(TimeSpan enough, Action work)
    {
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < Tries && best > enough; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            best = TimeSpan.FromTicks(Math.Min(best.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
        }

        return best;
    }

    /// <summary>As the other.</summary>
    public static async Task<TimeSpan> OfAsync(TimeSpan enough, Func<Task> work)
    {
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < Tries && best > enough; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await work();
            best = TimeSpan.FromTicks(Math.Min(best.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
        }

        return best;
    }
}
