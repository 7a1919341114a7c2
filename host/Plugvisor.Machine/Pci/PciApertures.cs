using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The windows of guest-physical space and of port space that a segment's BARs may occupy. Nothing else lies in them: no RAM, no interrupt
/// controller, no ECAM, no port of the board. So a BAR that stays inside can hit nothing but another BAR.
/// </summary>
/// <param name="Below4G">For 32-bit BARs.</param>
/// <param name="Above4G">For 64-bit BARs, which may lie in either.</param>
/// <param name="Ports">For port BARs; none where there are no ports.</param>
public readonly record struct PciApertures(AddressRange Below4G, AddressRange Above4G, AddressRange Ports = default);
