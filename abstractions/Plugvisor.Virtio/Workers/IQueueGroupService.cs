using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Workers;

/// <summary>
/// What a device does with some queues that share a thread, such as both directions of a network queue pair. A <see cref="QueueGroupWorker"/>
/// calls it. The members are never called for one queue by two threads at once; <see cref="Drain"/> of a queue may come while
/// another queue of the group is served.
/// </summary>
public interface IQueueGroupService
{
    /// <summary>A queue is about to run. On the thread that starts it, so make it short: size buffers, nothing more.</summary>
    void Starting(int index, QueueResources queue);

    /// <summary>
    /// Serve what there is, no more than a batch, and publish. On the worker's thread, again and again for each queue in turn while there
    /// is something to do, and perhaps for a while after it: so it has to be cheap when there is nothing.
    /// </summary>
    ServeResult Serve(int index, QueueResources queue);

    /// <summary>
    /// Whether what a queue waits for comes by the driver's doorbell, which is an exit of a vCPU: looking around after work saves more then than where
    /// it comes from the host.
    /// </summary>
    bool AwaitsDriver(int index);

    /// <summary>
    /// The worker is about to sleep: ask for what should wake it, and look again. On the worker's thread.
    /// </summary>
    /// <param name="index">The queue.</param>
    /// <param name="queue">Its resources.</param>
    /// <param name="watch">Whether the descriptor that the queue watches is to wake the worker, too; not while nothing could be done about it.</param>
    /// <returns>How long it may sleep; <see cref="QueueWait.None"/> when something has come meanwhile.</returns>
    QueueWait Arm(int index, QueueResources queue, out bool watch);

    /// <summary>
    /// A queue is being stopped: finish or give up what is in flight, give the chains back and publish. On the worker's thread or on the
    /// one that stops the queue, without waiting for I/O. After it nothing may touch the ring or a buffer.
    /// </summary>
    void Drain(int index, QueueResources queue);
}
