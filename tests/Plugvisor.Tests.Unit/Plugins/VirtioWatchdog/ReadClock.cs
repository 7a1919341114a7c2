namespace Plugvisor.Tests.Unit.Plugins.VirtioWatchdog;

/// <summary>A clock that stands until the test moves it, and counts who looks at it.</summary>
internal sealed class ReadClock : TimeProvider
{
    private long _now = 1_000_000_000_000;
    private int _reads;

    public int Reads => Volatile.Read(ref _reads);

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp()
    {
        long now = Volatile.Read(ref _now);
        Interlocked.Increment(ref _reads);
        return now;
    }

    public void Advance(double seconds) => Interlocked.Add(ref _now, (long)(seconds * 1e9));
}
