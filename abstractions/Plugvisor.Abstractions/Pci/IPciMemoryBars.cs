namespace Plugvisor.Abstractions.Pci;

/// <summary>
/// An optional power of an <see cref="IPciDevice"/>: parts of its BARs are host memory, which the guest reads and writes with no exit and the device never hears of. The host keeps the
/// memory where the guest puts the BAR, and takes it away while decoding is off.
/// </summary>
public interface IPciMemoryBars
{
    /// <summary>The parts. Read once, after <see cref="IPciDevice.Traits"/>; the mappings stay as they are until the device is disposed.</summary>
    IReadOnlyList<PciBarMemory> BarMemory { get; }
}
