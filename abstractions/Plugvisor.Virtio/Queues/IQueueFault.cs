namespace Plugvisor.Virtio.Queues;

/// <summary>
/// Hears that a ring is malformed. Implemented by the transport, which latches the device to DEVICE_NEEDS_RESET.
/// </summary>
public interface IQueueFault
{
    /// <summary>
    /// Called at most once in a queue's life, on the thread that serves it. Must not throw and must not stop the queue itself.
    /// </summary>
    /// <param name="reason">What the driver did, for one line in the log.</param>
    void OnFault(string reason);
}
