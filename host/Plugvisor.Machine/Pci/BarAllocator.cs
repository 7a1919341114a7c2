using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>Finds room for BARs that the host places: the lowest naturally aligned address of an aperture that is free.</summary>
internal static class BarAllocator
{
    /// <summary>Finds an address.</summary>
    /// <param name="apertures">Where BARs may lie.</param>
    /// <param name="kind">A 64-bit BAR goes above 4 GiB and, where there is no room, below.</param>
    /// <param name="size">Size of the BAR, a power of two.</param>
    /// <param name="busy">What is taken.</param>
    /// <param name="address">The address, when there is room.</param>
    public static bool TryFind(
        PciApertures apertures, PciBarKind kind, ulong size, PciBusyRanges busy, out ulong address) =>
        kind == PciBarKind.Io ? TryFind(apertures.Ports, kind, size, busy, out address)
        : (kind == PciBarKind.Memory64 && TryFind(apertures.Above4G, kind, size, busy, out address))
        || TryFind(apertures.Below4G, kind, size, busy, out address);

    private static bool TryFind(AddressRange aperture, PciBarKind kind, ulong size, PciBusyRanges busy, out ulong address)
    {
        address = AlignUp(aperture.Start, size);
        while (aperture.Contains(address, size))
        {
            ulong next = busy.SkipBusy(kind, address, size);
            if (next == address) return true;
            if (next < address) return false;   // the end of everything
            address = next;
        }

        return false;
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + alignment - 1) & ~(alignment - 1);
}
