using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Interrupts;

namespace Plugvisor.Machine.Virtio;

/// <summary>What every virtio-pci device of a machine shares.</summary>
public sealed class VirtioPciEnvironment
{
    /// <summary>Takes doorbells and interrupt eventfds.</summary>
    public required IVm Vm { get; init; }

    /// <summary>Gives out interrupt routes.</summary>
    public required MsiRouter Router { get; init; }

    /// <summary>Guest RAM, in which rings must lie.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>Hears of devices that are activated and reset. Set before devices are made.</summary>
    public IDeviceListener? Listener { get; set; }

    /// <summary>How long stopping a device may take before it is reported as stuck.</summary>
    public TimeSpan StopDeadline { get; init; } = TimeSpan.FromSeconds(30);
}
