namespace Plugvisor.Virtio.Queues;

/// <summary>Where the driver has put a split ring (virtio 1.2 section 2.7), for devices whose queues are served by somebody else.</summary>
/// <param name="Descriptors">Guest-physical address of the descriptor table.</param>
/// <param name="Available">Guest-physical address of the available ring.</param>
/// <param name="Used">Guest-physical address of the used ring.</param>
public readonly record struct RingAddresses(ulong Descriptors, ulong Available, ulong Used);
