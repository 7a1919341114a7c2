namespace Plugvisor.Virtio.Queues;

/// <summary>What <see cref="Virtqueue.TryPop"/> found.</summary>
public enum PopStatus
{
    /// <summary>The driver has made nothing more available.</summary>
    Empty,

    /// <summary>A chain was taken.</summary>
    Popped,

    /// <summary>
    /// The ring is malformed. The queue is latched, the device was told that it needs a reset; nothing more comes from it.
    /// </summary>
    Broken,
}
