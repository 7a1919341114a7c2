using System.Diagnostics;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// Whether to let frames gather for a moment before one may end a sleep. Waking up for each costs the host more than the frame itself, and takes
/// processor time from whoever sends. Where such a moment brings few frames it does not pay: each may be the answer to one of the guest's, and is
/// not to be late for a while. Used by one thread.
/// </summary>
internal sealed class Moderation
{
    /// <summary>From so many frames a second on it is tried.</summary>
    public const long BusyFramesPerSecond = 20_000;

    /// <summary>It goes on as long as a moment brings so many in the mean.</summary>
    public const long WorthIt = 8;

    /// <summary>How long it looks before it decides, in ticks of <see cref="Stopwatch"/>.</summary>
    public static readonly long Look = Stopwatch.Frequency / 1_000;

    /// <summary>How long it is not tried again after it did not pay, in the same.</summary>
    public static readonly long Rest = Stopwatch.Frequency / 20;

    private long _start, _end, _frames, _moments;

    /// <summary>How long a moment is.</summary>
    public static TimeSpan Moment { get; } = TimeSpan.FromMicroseconds(100);

    /// <summary>Whether the sleep that comes is to be a moment.</summary>
    public bool IsOn { get; private set; }

    /// <summary>The thread is about to sleep.</summary>
    /// <param name="now">A timestamp of <see cref="Stopwatch"/>.</param>
    /// <param name="frames">Frames since the last call.</param>
    /// <returns><see cref="IsOn"/>.</returns>
    public bool Decide(long now, long frames)
    {
        _frames += frames;
        if (IsOn) _moments++;
        if (now >= _end)
        {
            if (_frames < _moments * WorthIt) Begin(now, Rest, false);
            else Begin(now, Look, _frames * Stopwatch.Frequency > (now - _start) * BusyFramesPerSecond);
        }

        return IsOn;
    }

    private void Begin(long now, long time, bool isOn)
    {
        IsOn = isOn;
        _frames = _moments = 0;
        _start = now;
        _end = now + time;
    }
}
