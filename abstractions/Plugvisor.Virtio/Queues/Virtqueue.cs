namespace Plugvisor.Virtio.Queues;

/// <summary>
/// The device's side of a virtqueue (virtio 1.2 section 2.6). One thread serves it: none of the members may be called by two
/// threads at once. A typical service loop:
/// <code>
/// do
/// {
///     queue.DisableDoorbell();
///     while (queue.TryPop(segments, out chain) == PopStatus.Popped) { ...; queue.AddUsed(chain.Head, written); }
///     if (queue.Publish()) interrupt.Signal();
/// }
/// while (queue.EnableDoorbell());
/// </code>
/// </summary>
public abstract class Virtqueue
{
    /// <summary>Number of entries.</summary>
    public abstract int Size { get; }

    /// <summary>The most segments that one chain can have; how long the span given to <see cref="TryPop"/> must be.</summary>
    public abstract int MaxSegments { get; }

    /// <summary>Where the queue stands. Meaningful to others once its thread has stopped.</summary>
    public abstract QueueState State { get; }

    /// <summary>Whether the driver has made chains available that were not taken. Reads memory only; a hint while another thread takes some.</summary>
    public abstract bool HasAvailable { get; }

    /// <summary>Chains taken and not yet given back.</summary>
    public abstract int InFlight { get; }

    /// <summary>
    /// Takes the next chain. Descriptors are copied once; only the copies are checked and used, so a driver that changes
    /// them meanwhile changes nothing.
    /// </summary>
    /// <param name="segments">Receives the segments; at least <see cref="MaxSegments"/> long.</param>
    /// <param name="chain">The chain, when the answer is <see cref="PopStatus.Popped"/>.</param>
    public abstract PopStatus TryPop(Span<IoSegment> segments, out DescriptorChain chain);

    /// <summary>
    /// Undoes the <see cref="TryPop"/> of the chain that was taken last, of those that are in flight, as if it had never been taken. For chains
    /// that a device takes ahead and then has no use for. What was taken before it may be given back meanwhile, what was taken after it must have
    /// been put back before it: so the ring stays in order.
    /// </summary>
    /// <param name="head">The chain's head.</param>
    /// <exception cref="InvalidOperationException">The chain is not in flight: a bug in the device.</exception>
    public abstract void PutBack(ushort head);

    /// <summary>
    /// Gives a chain back. The driver sees it only after <see cref="Publish"/>, so many cost one release and one interrupt.
    /// </summary>
    /// <param name="head">The chain's head.</param>
    /// <param name="written">Bytes that the device wrote to the writable segments, from their start.</param>
    /// <exception cref="InvalidOperationException">The chain is not in flight: a bug in the device.</exception>
    public abstract void AddUsed(ushort head, uint written);

    /// <summary>Makes all chains given back visible to the driver.</summary>
    /// <returns>Whether the driver wants an interrupt for them.</returns>
    public abstract bool Publish();

    /// <summary>
    /// Latches the queue as a malformed ring does: for a chain that the device cannot answer in any way, such as one without room for its
    /// status. The device needs a reset then (virtio 1.2 section 2.1.2); chains in flight are still given back, which the driver does not see.
    /// </summary>
    /// <param name="reason">What the driver did, for one line in the log.</param>
    public abstract void Break(string reason);

    /// <summary>Asks the driver for doorbells, then looks again.</summary>
    /// <returns>True when chains were made available meanwhile: go round again instead of waiting.</returns>
    public abstract bool EnableDoorbell();

    /// <summary>Tells the driver that no doorbell is needed while the device is looking anyway. A hint.</summary>
    public abstract void DisableDoorbell();
}
