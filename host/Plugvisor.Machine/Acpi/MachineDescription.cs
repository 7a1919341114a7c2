using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Acpi;

/// <summary>What the firmware tables tell the guest about its machine. Addresses of the platform's registers are in the map.</summary>
/// <param name="Map">Guest-physical layout.</param>
/// <param name="BootVcpus">vCPUs that are there at boot, at least 1.</param>
/// <param name="MaxVcpus">vCPUs that there can ever be.</param>
/// <param name="Segments">PCI segments, ascending from 0; at least one.</param>
public sealed record MachineDescription(
    MemoryMap Map, int BootVcpus, int MaxVcpus, PciSegmentDescription[] Segments)
{
    /// <summary>Arrangement of vCPUs, from which their APIC ids follow.</summary>
    public CpuTopology? Topology { get; init; }

    /// <summary>Whether there is a serial port at 0x3F8.</summary>
    public bool HasSerial { get; init; } = true;

    /// <summary>
    /// Whether the tables name PM1a blocks although the machine is hardware-reduced: nested Hyper-V refuses to start without.
    /// </summary>
    public bool HasLegacyPowerBlocks { get; init; }

    /// <summary>APIC id of a vCPU.</summary>
    internal uint ApicId(int vcpu) => ApicIds.Of((uint)vcpu, Topology);
}
