using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Abstractions.Pci;

/// <summary>Host memory in a BAR. Parts may not overlap each other, a doorbell, or the MSI-X table and pending bits.</summary>
/// <param name="Bar">Index of a memory BAR that the device declares.</param>
/// <param name="Offset">Where it starts in the BAR, a multiple of 4 KiB.</param>
/// <param name="Mapping">The memory; it ends inside the declared size of the BAR.</param>
public sealed record PciBarMemory(int Bar, ulong Offset, HostMapping Mapping);
