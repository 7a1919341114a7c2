using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Workers;

/// <summary>What a device does with one queue. A <see cref="QueueWorker"/> calls it; never two members at once.</summary>
public interface IQueueService
{
    /// <summary>The queue is about to run. On the thread that starts it, so make it short: size buffers, nothing more.</summary>
    void Starting(QueueResources queue);

    /// <summary>
    /// Something may have happened: a doorbell, a watched descriptor, a time that is over, or a start. On the worker's thread.
    /// Serve what there is, enable the doorbell, look again, then say how long to wait. A service that could be kept busy
    /// for ever by its driver returns <see cref="QueueWait.None"/> after a batch, or looks at <see
    /// cref="QueueWorker.StopRequested"/>.
    /// </summary>
    QueueWait Serve(QueueResources queue);

    /// <summary>
    /// The queue is being stopped: finish or give up what is in flight, give the chains back and publish. On the worker's
    /// thread. After it nothing may touch the ring or a buffer. Not called when the stop comes while nothing is in flight
    /// and <see cref="Serve"/> does not run.
    /// </summary>
    void Drain(QueueResources queue);
}
