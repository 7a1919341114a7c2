using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Acpi;

/// <summary>A PCI segment: one bus with 32 slots.</summary>
/// <param name="Id">Segment number, below 256.</param>
/// <param name="Window32">Where its 32-bit BARs are; may be empty.</param>
/// <param name="Window64">Where its 64-bit BARs are; may be empty.</param>
public sealed record PciSegmentDescription(int Id, AddressRange Window32, AddressRange Window64)
{
    /// <summary>Slots of a segment.</summary>
    public const int Slots = 32;

    /// <summary>Address of its configuration space.</summary>
    public ulong Ecam => MemoryMap.EcamStart + ((ulong)Id * MemoryMap.EcamSegmentLength);

    /// <summary>The I/O APIC pin of a slot's INTA.</summary>
    public static int Irq(int slot) => 5 + (slot % 8);
}
