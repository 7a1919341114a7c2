namespace Plugvisor.Virtio.Queues;

/// <summary>Raises a queue's interrupt: one eventfd write, or nothing where the driver has assigned no vector.</summary>
public interface IQueueInterrupt
{
    /// <summary>
    /// Tells the driver to look at the used ring. Call when <see cref="Virtqueue.Publish"/> says so. Any thread.
    /// </summary>
    void Signal();
}
