using Plugvisor.Linux.Events;

namespace Plugvisor.Virtio.Queues;

/// <summary>What a device gets to serve one queue, from StartQueue until StopQueue returns.</summary>
public sealed class QueueResources
{
    /// <summary>The ring. Used by one thread only, the one that serves the queue.</summary>
    public required Virtqueue Queue { get; init; }

    /// <summary>
    /// Raised by KVM when the guest writes the queue's notify register. Stays the same object over stop and start.
    /// </summary>
    public required EventFd Doorbell { get; init; }

    /// <summary>The queue's interrupt. May be an <see cref="IInterruptTrigger"/>, too.</summary>
    public required IQueueInterrupt Interrupt { get; init; }

    /// <summary>
    /// Where the ring is, for a device whose queues are served elsewhere; checked to be in guest memory. Such a device leaves <see cref="Queue"/> alone,
    /// except for its size and its state. Null where whoever drives the device does not say.
    /// </summary>
    public RingAddresses? Addresses { get; init; }
}
