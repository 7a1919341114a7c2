using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// Bounds how often a driver can have a device started: starting one whose ring is full and stopping it at once, with that I/O in flight,
/// costs some changes of thread and the I/O, and a driver can ask for it without end (hostile case 21). Beyond the pace the device is
/// started some milliseconds late; a driver that resets it before that has cost register accesses and nothing else. Used under the
/// lifecycle's lock.
/// </summary>
/// <param name="perSecond">Starts a second; 0 for no bound.</param>
/// <param name="log">Is told, once.</param>
internal sealed class StartPace(int perSecond, IDeviceLog log)
{
    /// <summary>As many starts as come in this time may come at once: more than any driver that means well needs.</summary>
    private const int BurstMilliseconds = 500;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly TokenBucket? _bucket = TokenBucket.Create((ulong)perSecond * BurstMilliseconds / 1000, 0, BurstMilliseconds);
    private bool _told;

    /// <summary>When it is worth asking again.</summary>
    public static TimeSpan Tick { get; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Whether the device may be started now.</summary>
    public bool MayStart()
    {
        if (_bucket is null) return true;
        long now = (long)((Int128)Stopwatch.GetTimestamp() * NanosecondsPerSecond / Stopwatch.Frequency);
        if (_bucket.Take(1, now, out _) == 0) return true;
        if (!_told) log.Warn($"the driver starts and resets the device more than {perSecond} times a second; from now on it is started no faster than that");
        _told = true;
        return false;
    }
}
