namespace Plugvisor.Abstractions.Pci;

/// <summary>Configuration registers that a device answers itself.</summary>
/// <param name="Offset">The first, a multiple of 4 from 0x40 to 0xffc.</param>
/// <param name="Length">Bytes, a multiple of 4.</param>
public sealed record PciConfigRange(int Offset, int Length);
