using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Plugvisor.Control.Events;

/// <summary>
/// One listener's view of the <see cref="EventHub"/>: every event since it subscribed, in order. It keeps a bounded number of unread events; when
/// the reader is slower than that, what comes is lost, and a notice in its place says how much (<see cref="VmmEvent.Lost"/>). One reader at a time.
/// </summary>
public sealed class EventSubscription : IDisposable
{
    private readonly EventHub _hub;
    private readonly int _capacity;
    private readonly Action? _onAvailable;
    private readonly Lock _lock = new();
    private readonly Queue<VmmEvent> _unread = new();
    private TaskCompletionSource? _waiter;
    private long _lost;   // after the newest of _unread
    private bool _completed;

    internal EventSubscription(EventHub hub, int capacity, Action? onAvailable)
    {
        _hub = hub;
        _capacity = capacity;
        _onAvailable = onAvailable;
    }

    /// <summary>Whether events are being lost now: the reader has to catch up first.</summary>
    public bool IsOverrun
    {
        get
        {
            lock (_lock) return _lost > 0;
        }
    }

    /// <summary>Waits for the next event.</summary>
    /// <returns>The event, a notice of loss, or null at the end: the VMM has published its last event and all of them were read.</returns>
    /// <exception cref="OperationCanceledException">The token asked for it; no event is lost by that.</exception>
    public async ValueTask<VmmEvent?> ReadAsync(CancellationToken cancellation = default)
    {
        while (true)
        {
            Task ready;
            lock (_lock)
            {
                if (Take() is { } next) return next;
                if (_completed) return null;
                _waiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                ready = _waiter.Task;
            }

            await ready.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>All events until the end, or until the token asks to stop.</summary>
    public async IAsyncEnumerable<VmmEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (await ReadAsync(cancellation).ConfigureAwait(false) is { } next) yield return next;
    }

    /// <summary>Takes the next event if there is one.</summary>
    /// <param name="next">The event or notice of loss.</param>
    /// <param name="isEnd">True when nothing will come any more.</param>
    public bool TryRead([NotNullWhen(true)] out VmmEvent? next, out bool isEnd)
    {
        lock (_lock)
        {
            next = Take();
            isEnd = next is null && _completed;
            return next is not null;
        }
    }

    /// <summary>Stops listening. A reader that waits gets the end.</summary>
    public void Dispose()
    {
        _hub.Remove(this);
        Complete();
    }

    /// <summary>Takes an event in. Called by the hub in its lock, in the order of publication.</summary>
    internal void Offer(VmmEvent published)
    {
        lock (_lock)
        {
            if (_completed) return;
            if (_unread.Count >= _capacity)
            {
                if (_lost++ == 0) _onAvailable?.Invoke();
                return;
            }

            bool wasEmpty = _unread.Count == 0;
            if (_lost > 0) _unread.Enqueue(TakeLossNotice());   // in front of the first event after the gap
            _unread.Enqueue(published);
            if (wasEmpty) Wake();
        }
    }

    /// <summary>No event comes any more.</summary>
    internal void Complete()
    {
        lock (_lock)
        {
            if (_completed) return;
            _completed = true;
            Wake();
        }
    }

    private VmmEvent? Take() => _unread.TryDequeue(out VmmEvent? next) ? next : _lost > 0 ? TakeLossNotice() : null;

    private VmmEvent TakeLossNotice()
    {
        (ulong seconds, uint nanoseconds) = _hub.Now();
        long lost = _lost;
        _lost = 0;
        return VmmEvent.LossNotice(seconds, nanoseconds, lost);
    }

    private void Wake()
    {
        _waiter?.TrySetResult();
        _waiter = null;
        _onAvailable?.Invoke();
    }
}
