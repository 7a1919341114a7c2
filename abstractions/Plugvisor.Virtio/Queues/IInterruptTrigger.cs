using Plugvisor.Linux.Events;

namespace Plugvisor.Virtio.Queues;

/// <summary>
/// An optional power of an <see cref="IQueueInterrupt"/>: it is raised by an eventfd, which can be given to whoever serves the queue, such as a
/// process of its own. Signalling it costs one system call and wakes nobody in the VMM.
/// </summary>
public interface IInterruptTrigger
{
    /// <summary>
    /// What to signal now, or null where the driver has assigned no vector. It stays open until the device is disposed, and it works also while
    /// the guest has the vector masked: then the interrupt is pending. Any thread.
    /// </summary>
    EventFd? Trigger { get; }

    /// <summary>Says where to signal that <see cref="Trigger"/> is another one from now on.</summary>
    /// <param name="listener">Is signalled on a vCPU thread; null to hear no more.</param>
    void NotifyChanges(EventFd? listener);
}
