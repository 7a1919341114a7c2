using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// What devices ask of one machine goes through here to whoever decides. Bounded whatever a guest does: the same event is told once a second, resets
/// merge in the listener, and a device that outlives its machine is not heard any more.
/// </summary>
/// <param name="listener">Who decides.</param>
/// <param name="clock">For the bound.</param>
/// <param name="log">Takes a line for each event that is told.</param>
internal sealed class MachineControl(IMachineListener listener, TimeProvider clock, IDeviceLog log) : IMachineControl
{
    private const int MaxDifferent = 32;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<Told> _told = [];
    private bool _closed;

    /// <inheritdoc/>
    public void RequestReset(string cause)
    {
        if (!Volatile.Read(ref _closed)) listener.OnReset(cause);
    }

    /// <inheritdoc/>
    public void ReportGuestEvent(string name, IReadOnlyDictionary<string, string> properties)
    {
        lock (_lock)
        {
            // In the lock, so that two threads cannot tell in another order than they passed.
            if (_closed || !TakeTurn(name, properties)) return;
            log.Warn(Describe(name, properties));
            listener.OnGuestEvent(name, properties);
        }
    }

    /// <summary>The machine is being taken apart. When it returns nothing more is told.</summary>
    public void Close()
    {
        lock (_lock) Volatile.Write(ref _closed, true);
    }

    /// <summary>Whether an event may be told now. Allocates only for one that never came before.</summary>
    private bool TakeTurn(string name, IReadOnlyDictionary<string, string> properties)
    {
        long now = clock.GetTimestamp();
        foreach (Told told in _told)
        {
            if (!told.Is(name, properties)) continue;
            if (clock.GetElapsedTime(told.At, now) < Interval) return false;
            told.At = now;
            return true;
        }

        if (_told.Count == MaxDifferent) return false;   // a device that makes them up
        _told.Add(new Told(name, properties) { At = now });
        return true;
    }

    private static string Describe(string name, IReadOnlyDictionary<string, string> properties)
    {
        var details = new List<string>(properties.Count);
        foreach ((string key, string value) in properties) details.Add($"{key}={value}");
        return details.Count == 0 ? $"reports {name}" : $"reports {name} ({string.Join(", ", details)})";
    }

    private sealed class Told(string name, IReadOnlyDictionary<string, string> properties)
    {
        public long At { get; set; }

        public bool Is(string otherName, IReadOnlyDictionary<string, string> other)
        {
            if (!string.Equals(name, otherName, StringComparison.Ordinal)) return false;
            if (ReferenceEquals(properties, other)) return true;   // devices keep theirs
            if (properties.Count != other.Count) return false;
            foreach ((string key, string value) in properties)
            {
                if (!other.TryGetValue(key, out string? there) || !string.Equals(value, there, StringComparison.Ordinal)) return false;
            }

            return true;
        }
    }
}
