using System.Globalization;

namespace Plugvisor.Control.Events;

/// <summary>
/// The events of one device. So many in a row are told one by one; what comes faster is merged into the newest, which is told when its turn
/// comes, with the number of those that it stands for. So a listener always ends with the device's last state.
/// </summary>
internal sealed class DeviceTransitions(string id, EventHub hub, TimeProvider clock) : IDisposable
{
    /// <summary>How many are told at once after a quiet time.</summary>
    internal const int Burst = 20;

    /// <summary>Then one in each such time.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _properties = new() { ["id"] = id };
    private ITimer? _timer;
    private int _tokens = Burst;
    private long _refilled = clock.GetTimestamp();
    private string? _pending;
    private long _merged;

    /// <summary>Takes a transition in.</summary>
    public void Add(string what)
    {
        lock (_lock)
        {
            if (_pending is null && TakeToken())
            {
                hub.Publish("virtio-device", what, _properties);
                return;
            }

            _merged++;
            if (_pending is null) StartTimer();
            _pending = what;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private bool TakeToken()
    {
        long intervals = (long)(clock.GetElapsedTime(_refilled) / Interval);
        if (intervals > 0)
        {
            _tokens = (int)Math.Min(Burst, _tokens + intervals);
            _refilled = clock.GetTimestamp();
        }

        if (_tokens == 0) return false;
        _tokens--;
        return true;
    }

    private void StartTimer()
    {
        _timer ??= clock.CreateTimer(static self => ((DeviceTransitions)self!).TellPending(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(Interval, Timeout.InfiniteTimeSpan);
    }

    private void TellPending()
    {
        lock (_lock)
        {
            if (_pending is not { } what) return;
            var properties = new Dictionary<string, string> { ["id"] = id };
            if (_merged > 1) properties["merged"] = _merged.ToString(CultureInfo.InvariantCulture);
            hub.Publish("virtio-device", what, properties);
            _pending = null;
            _merged = 0;
            // This one was the interval's.
            _refilled = clock.GetTimestamp();
        }
    }
}
