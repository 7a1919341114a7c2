namespace Plugvisor.Abstractions.Pci;

/// <summary>A capability that the host links into the device's list, in the order of the declaration (PCI Local Bus 3.0 section 6.7).</summary>
/// <param name="Id">Capability id; 9 is vendor specific.</param>
/// <param name="Body">
/// The bytes after id and next pointer. The guest can read them; what shall change or be written is owned by the device (<see
/// cref="PciTraits.OwnedConfig"/>), at a fixed <see cref="Offset"/>.
/// </param>
public sealed record PciCapability(byte Id, ReadOnlyMemory<byte> Body)
{
    /// <summary>Where it starts, a multiple of 4 from 0x40; null leaves that to the host.</summary>
    public int? Offset { get; init; }
}
