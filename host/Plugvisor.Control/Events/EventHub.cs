namespace Plugvisor.Control.Events;

/// <summary>
/// Where everything that happens in the VMM is told, and told on to whoever subscribed. Publishing takes a short lock, allocates one object and
/// never waits for a subscriber; with no subscriber it is one read. All subscribers see the same order.
/// </summary>
public sealed class EventHub
{
    /// <summary>How many unread events a subscription keeps unless it asks for another number.</summary>
    public const int DefaultCapacity = 1024;

    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly Lock _lock = new();
    private EventSubscription[] _subscriptions = [];   // replaced, never changed: a publisher walks over it
    private bool _completed;

    /// <summary>A hub whose timestamps count from now.</summary>
    public EventHub(TimeProvider clock)
    {
        _clock = clock;
        _start = clock.GetTimestamp();
    }

    /// <summary>Whether anybody listens: for publishers that would have to prepare something.</summary>
    public bool HasSubscribers => Volatile.Read(ref _subscriptions).Length > 0;

    /// <summary>Tells all subscribers. Any thread; vCPU threads and queue threads too. After <see cref="Complete"/> nobody hears it.</summary>
    /// <param name="source">What it is about: <c>vmm</c>, <c>vm</c>, <c>virtio-device</c>, <c>guest</c> ...</param>
    /// <param name="event">What happened.</param>
    /// <param name="properties">Details; the caller does not change them afterwards.</param>
    public void Publish(string source, string @event, IReadOnlyDictionary<string, string>? properties = null)
    {
        if (!HasSubscribers) return;
        lock (_lock)
        {
            // Stamped in the lock: timestamps never go back from one event to the next.
            (ulong seconds, uint nanoseconds) = Now();
            var published = new VmmEvent(seconds, nanoseconds, source, @event, properties);
            foreach (EventSubscription subscription in _subscriptions) subscription.Offer(published);
        }
    }

    /// <summary>Hears everything that is published from now on. Dispose of it to stop.</summary>
    /// <param name="capacity">How many unread events are kept; what comes beyond is lost, and the subscriber is told how much.</param>
    public EventSubscription Subscribe(int capacity = DefaultCapacity) => Subscribe(capacity, onAvailable: null);

    /// <summary>The same, for a reader with a thread of its own: <paramref name="onAvailable"/> is called whenever there is something new to
    /// read after there was nothing, when the first event of a row is lost, and at the end. On the publisher's thread, in a lock: it only wakes.</summary>
    public EventSubscription Subscribe(int capacity, Action? onAvailable)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        var subscription = new EventSubscription(this, capacity, onAvailable);
        lock (_lock)
        {
            if (_completed) subscription.Complete();
            else _subscriptions = [.. _subscriptions, subscription];
        }

        return subscription;
    }

    /// <summary>Nothing will be published any more: subscribers read what they have, and then the end. Any number of times.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _completed = true;
            foreach (EventSubscription subscription in _subscriptions) subscription.Complete();
            _subscriptions = [];
        }
    }

    /// <summary>The time since the start.</summary>
    internal (ulong Seconds, uint Nanoseconds) Now()
    {
        const ulong NanosecondsPerSecond = 1_000_000_000;
        ulong frequency = (ulong)_clock.TimestampFrequency, elapsed = (ulong)(_clock.GetTimestamp() - _start);
        return (elapsed / frequency, (uint)(elapsed % frequency * NanosecondsPerSecond / frequency));
    }

    /// <summary>A subscription ends.</summary>
    internal void Remove(EventSubscription subscription)
    {
        lock (_lock) _subscriptions = Array.FindAll(_subscriptions, other => other != subscription);
    }
}
