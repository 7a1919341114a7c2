namespace Plugvisor.Abstractions.Pci;

/// <summary>
/// An optional power of an <see cref="IPciDevice"/>: it answers some configuration registers itself (<see cref="PciTraits.OwnedConfig"/>). Id and
/// next pointer of a capability stay the host's, also inside such a range. On vCPU threads, as BAR accesses.
/// </summary>
public interface IPciConfigSpace
{
    /// <summary>A guest read, of all or a part of a register.</summary>
    /// <param name="offset">Offset of the register, a multiple of 4.</param>
    uint ReadConfig(int offset);

    /// <summary>A guest write.</summary>
    /// <param name="offset">Offset of the register, a multiple of 4.</param>
    /// <param name="value">The new value of the bits in <paramref name="mask"/>; others are 0.</param>
    /// <param name="mask">The bytes that are written, 0xff each.</param>
    void WriteConfig(int offset, uint value, uint mask);
}
