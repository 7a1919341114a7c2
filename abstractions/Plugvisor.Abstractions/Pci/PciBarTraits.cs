namespace Plugvisor.Abstractions.Pci;

/// <summary>A base address register that a device declares.</summary>
/// <param name="Index">Number of its (first) register, 0 to 5; a <see cref="PciBarKind.Memory64"/> takes the next one as well.</param>
/// <param name="Kind">What it decodes.</param>
/// <param name="Size">
/// Bytes of registers behind it. Any number: the host rounds the BAR up to what PCI can express and answers the rest with ones, so the device sees
/// accesses inside these bytes only.
/// </param>
/// <param name="Prefetchable">Whether reads have no side effects (memory only).</param>
public sealed record PciBarTraits(int Index, PciBarKind Kind, ulong Size, bool Prefetchable = false);
