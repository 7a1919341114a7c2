using Plugvisor.Linux.Events;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>An interrupt with an eventfd of its own, as a machine's are; the test assigns the vector.</summary>
internal sealed class MockTrigger : IQueueInterrupt, IInterruptTrigger
{
    private EventFd? _trigger;
    private EventFd? _listener;

    public EventFd? Trigger => Volatile.Read(ref _trigger);

    public bool IsWatched => Volatile.Read(ref _listener) is not null;

    public void Signal() => Trigger?.Signal();

    public void NotifyChanges(EventFd? listener) => Volatile.Write(ref _listener, listener);

    /// <summary>The driver assigns another vector, or none.</summary>
    public void Assign(EventFd? trigger)
    {
        Volatile.Write(ref _trigger, trigger);
        Volatile.Read(ref _listener)?.SignalUnlessClosed();
    }
}
