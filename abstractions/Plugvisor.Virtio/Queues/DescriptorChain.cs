namespace Plugvisor.Virtio.Queues;

/// <summary>
/// A chain taken from the available ring. Its segments are in the span that was given to <see cref="Virtqueue.TryPop"/>:
/// first the device-readable ones, then the device-writable ones (virtio 1.2 section 2.7.4.2).
/// Each chain is given back exactly once with <see cref="Virtqueue.AddUsed"/>.
/// </summary>
/// <param name="Head">Index of its first descriptor, the token that gives it back.</param>
/// <param name="Readable">Number of device-readable segments.</param>
/// <param name="Writable">Number of device-writable segments.</param>
/// <param name="ReadableBytes">Sum of the readable lengths; at most 2^32 - 1, checked.</param>
/// <param name="WritableBytes">Sum of the writable lengths; at most 2^32 - 1, checked.</param>
public readonly record struct DescriptorChain(ushort Head, int Readable, int Writable, uint ReadableBytes, uint WritableBytes);
