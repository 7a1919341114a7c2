using System.Diagnostics;

namespace Plugvisor.VhostUser.Protocol;

/// <summary>A moment up to which something is waited for, by the system's monotonic clock.</summary>
internal readonly struct Deadline
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    private readonly long _start;
    private readonly TimeSpan _time;

    private Deadline(TimeSpan time)
    {
        _start = Stopwatch.GetTimestamp();
        _time = time;
    }

    /// <summary>How long it was at the start.</summary>
    public TimeSpan Time => _time;

    /// <summary>What is left, in nanoseconds; 0 when it is over.</summary>
    public long NanosecondsLeft
    {
        get
        {
            double left = (_time - Stopwatch.GetElapsedTime(_start)).TotalMilliseconds;
            return left <= 0 ? 0 : (long)(left * NanosecondsPerMillisecond);
        }
    }

    /// <summary>Begins now.</summary>
    public static Deadline After(TimeSpan time) => new(time);
}
