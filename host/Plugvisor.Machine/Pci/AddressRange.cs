namespace Plugvisor.Machine.Pci;

/// <summary>A range of guest-physical addresses that does not wrap.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Bytes; 0 is an empty range.</param>
public readonly record struct AddressRange(ulong Start, ulong Length)
{
    /// <summary>Whether all of <paramref name="length"/> bytes at <paramref name="address"/> lie inside.</summary>
    public bool Contains(ulong address, ulong length) => address >= Start && length <= Length && address - Start <= Length - length;

    /// <summary>Whether both have an address in common.</summary>
    public bool Overlaps(AddressRange other) =>
        Length != 0 && other.Length != 0 && Start <= other.Start + (other.Length - 1) && other.Start <= Start + (Length - 1);
}
