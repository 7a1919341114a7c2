using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Virtio;

/// <summary>What every virtio-pci device of a machine shares.</summary>
public sealed class VirtioPciEnvironment : PciEnvironment
{
    /// <summary>Guest RAM, in which rings must lie.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>Hears of devices that are activated and reset. Set before devices are made.</summary>
    public IDeviceListener? Listener { get; set; }
}
