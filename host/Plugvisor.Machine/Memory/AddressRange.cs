namespace Plugvisor.Machine.Memory;

/// <summary>A range of guest-physical addresses.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Bytes; 0 for no range at all.</param>
public readonly record struct AddressRange(ulong Start, ulong Length)
{
    /// <summary>First address after the range.</summary>
    public ulong End => Start + Length;

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>Whether all of <paramref name="length"/> bytes at <paramref name="address"/> lie inside; no sum wraps.</summary>
    public bool Contains(ulong address, ulong length) => address >= Start && length <= Length && address - Start <= Length - length;

    /// <summary>Whether both have an address in common.</summary>
    public bool Overlaps(AddressRange other) =>
        !IsEmpty && !other.IsEmpty && Start <= other.Start + (other.Length - 1) && other.Start <= Start + (Length - 1);
}
