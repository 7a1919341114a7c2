using Plugvisor.Virtio.Queues;

namespace Plugvisor.Virtio.Devices;

/// <summary>
/// An optional power of a virtio device: its queues can be stopped without waiting for long. The host then stops it on the vCPU that asks for
/// a reset, which spares two changes of thread when I/O is in flight; and a request that the host's disk does not answer never
/// holds that vCPU. A device without it is stopped on a thread of the host's while something is in flight.
/// </summary>
public interface IStopsInTime
{
    /// <summary>
    /// As <see cref="IVirtioDevice.StopQueue"/>, but gives up waiting after some time. Then the queue is still being stopped: it takes no
    /// further chain, it drains what is in flight, and the host asks again, by this or by StopQueue. Not called at the same time as other
    /// members of the life.
    /// </summary>
    /// <param name="index">The queue.</param>
    /// <param name="patience">How long to wait; zero to ask only.</param>
    /// <param name="state">Where the queue stands, when the answer is true.</param>
    /// <returns>Whether the queue has stopped.</returns>
    bool TryStopQueue(int index, TimeSpan patience, out QueueState state);
}
