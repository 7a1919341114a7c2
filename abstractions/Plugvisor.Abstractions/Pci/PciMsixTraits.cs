namespace Plugvisor.Abstractions.Pci;

/// <summary>The MSI-X interrupts of a device. Table, pending bits and masking are the host's.</summary>
/// <param name="Vectors">Number of vectors, 1 to 2,048.</param>
public sealed record PciMsixTraits(int Vectors)
{
    /// <summary>
    /// Where the table and the pending bits lie, for a device whose drivers expect them in one of its BARs; null, and the host adds a BAR of its own
    /// at the first free register.
    /// </summary>
    public PciMsixPlacement? Placement { get; init; }
}
