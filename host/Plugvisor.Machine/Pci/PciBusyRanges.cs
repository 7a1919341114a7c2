using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>What the BARs of a segment occupy, in each of the two address spaces. Used by one thread.</summary>
internal sealed class PciBusyRanges
{
    private readonly List<AddressRange> _memory = [];
    private List<AddressRange>? _ports;   // hardly ever needed

    /// <summary>Adds what a BAR occupies.</summary>
    public void Add(PciBarKind kind, ulong start, ulong length) =>
        (kind == PciBarKind.Io ? _ports ??= [] : _memory).Add(new AddressRange(start, length));

    /// <summary>What is taken where BARs of a kind lie.</summary>
    public ReadOnlySpan<AddressRange> For(PciBarKind kind) => CollectionsMarshal.AsSpan(kind == PciBarKind.Io ? _ports : _memory);
}
