namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

/// <summary>Time that a test lets pass. The device looks at it twice a second by itself.</summary>
internal sealed class VsockClock : TimeProvider
{
    private long _now = 1;

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Volatile.Read(ref _now);

    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, (long)time.TotalMilliseconds);
}
