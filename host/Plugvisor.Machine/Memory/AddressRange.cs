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
}
