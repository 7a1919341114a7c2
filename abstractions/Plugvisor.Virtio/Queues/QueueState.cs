namespace Plugvisor.Virtio.Queues;

/// <summary>Where a stopped queue stands: enough to start it again, here or in another VMM.</summary>
/// <param name="NextAvail">Index of the next available entry that the device will take, free-running.</param>
/// <param name="NextUsed">Index of the next used entry that the device will fill, free-running.</param>
public readonly record struct QueueState(ushort NextAvail, ushort NextUsed);
