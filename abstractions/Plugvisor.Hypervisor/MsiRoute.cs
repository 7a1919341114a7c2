namespace Plugvisor.Hypervisor;

/// <summary>A GSI that stands for a message-signalled interrupt.</summary>
/// <param name="Gsi">Global system interrupt number; 0 to 23 are the IOAPIC's pins.</param>
/// <param name="Address">Message address (FEExxxxx).</param>
/// <param name="Data">Message data.</param>
public readonly record struct MsiRoute(uint Gsi, ulong Address, uint Data);
