using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Machine.Pci;

/// <summary>A BAR as it is at one moment, for whoever describes the machine.</summary>
/// <param name="Index">Number of its (first) register, 0 to 5.</param>
/// <param name="Base">Where it answers, or would if decoding were enabled.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Kind">What it decodes.</param>
/// <param name="Prefetchable">Whether reads have no side effects.</param>
public readonly record struct PciBarResource(int Index, ulong Base, ulong Size, PciBarKind Kind, bool Prefetchable);
