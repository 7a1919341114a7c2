using Plugvisor.Hypervisor;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>What every device on the PCI buses of a machine shares.</summary>
public class PciEnvironment
{
    /// <summary>Takes doorbells and interrupt eventfds.</summary>
    public required IVm Vm { get; init; }

    /// <summary>Gives out interrupt routes.</summary>
    public required MsiRouter Router { get; init; }

    /// <summary>Gives memory slots for memory in BARs; null where devices can have none.</summary>
    public GuestMappings? Mappings { get; init; }

    /// <summary>How long stopping a device may take before it is reported as stuck.</summary>
    public TimeSpan StopDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long each step may take in which other code takes over a device (stopping it, making its successor, starting that): the guest's requests wait meanwhile.
    /// </summary>
    public TimeSpan ExchangeDeadline { get; init; } = TimeSpan.FromSeconds(5);
}
