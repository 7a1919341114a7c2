using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>Finds room for BARs that the host places: the lowest naturally aligned address of an aperture that is free.</summary>
public static class BarAllocator
{
    /// <summary>Finds an address.</summary>
    /// <param name="apertures">Where BARs may lie.</param>
    /// <param name="kind">A 64-bit BAR goes above 4 GiB and, where there is no room, below.</param>
    /// <param name="size">Size of the BAR, a power of two.</param>
    /// <param name="busy">What is taken in the address space of the kind.</param>
    /// <param name="address">The address, when there is room.</param>
    public static bool TryFind(
        PciApertures apertures, PciBarKind kind, ulong size, ReadOnlySpan<AddressRange> busy, out ulong address) =>
        kind == PciBarKind.Io ? TryFind(apertures.Ports, size, busy, out address)
        : (kind == PciBarKind.Memory64 && TryFind(apertures.Above4G, size, busy, out address))
        || TryFind(apertures.Below4G, size, busy, out address);

    private static bool TryFind(AddressRange aperture, ulong size, ReadOnlySpan<AddressRange> busy, out ulong address)
    {
        address = AlignUp(aperture.Start, size);
        while (aperture.Contains(address, size))
        {
            var candidate = new AddressRange(address, size);
            ulong next = address;
            foreach (ref readonly AddressRange range in busy)
            {
                if (range.Overlaps(candidate)) next = Math.Max(next, AlignUp(range.Start + range.Length, size));
            }

            if (next == address) return true;
            address = next;
        }

        return false;
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + alignment - 1) & ~(alignment - 1);
}
