namespace Plugvisor.Rest.Http;

/// <summary>
/// A connection's one time limit at a time, looked at by Kestrel's heartbeat once a second, so that a request costs no timer.
/// </summary>
internal sealed class Deadline(TimeProvider clock)
{
    private const long Never = long.MaxValue;

    private long _at = Never;
    private Action? _onExpired;

    /// <summary>Whether a limit has run out and was not taken back.</summary>
    public bool IsExpired => clock.GetTimestamp() >= Volatile.Read(ref _at);

    /// <summary>Whether a limit runs.</summary>
    public bool IsRunning => Volatile.Read(ref _at) != Never;

    /// <summary>Starts a limit in place of the one before.</summary>
    /// <param name="time">How long.</param>
    /// <param name="onExpired">Called by the heartbeat, perhaps more than once, perhaps a moment after <see cref="Stop"/>.</param>
    public void Start(TimeSpan time, Action onExpired)
    {
        _onExpired = onExpired;
        Volatile.Write(ref _at, clock.GetTimestamp() + (long)(time.TotalSeconds * clock.TimestampFrequency));
    }

    /// <summary>It was met.</summary>
    public void Stop() => Volatile.Write(ref _at, Never);

    /// <summary>Looks. On the heartbeat's thread.</summary>
    public void Tick()
    {
        if (IsExpired) _onExpired?.Invoke();
    }
}
