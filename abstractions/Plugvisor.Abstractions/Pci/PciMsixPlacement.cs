namespace Plugvisor.Abstractions.Pci;

/// <summary>Where MSI-X table and pending bits lie in a BAR that the device declares. Those bytes are the host's: the device sees no access to them.</summary>
/// <param name="Bar">Index of the memory BAR.</param>
/// <param name="TableOffset">Offset of the table (16 bytes a vector), a multiple of 8.</param>
/// <param name="PendingOffset">Offset of the pending bits (8 bytes for 64 vectors), a multiple of 8.</param>
public sealed record PciMsixPlacement(int Bar, uint TableOffset, uint PendingOffset);
