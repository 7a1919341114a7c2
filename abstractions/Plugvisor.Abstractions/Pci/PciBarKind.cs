namespace Plugvisor.Abstractions.Pci;

/// <summary>What a base address register decodes (PCI Local Bus 3.0 section 6.2.5.1).</summary>
public enum PciBarKind
{
    /// <summary>Memory below 4 GiB; one register.</summary>
    Memory32,

    /// <summary>Memory anywhere; two registers.</summary>
    Memory64,

    /// <summary>Ports; one register.</summary>
    Io,
}
