using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Virtio;

/// <summary>What every virtio-pci device of a machine shares.</summary>
public sealed class VirtioPciEnvironment : PciEnvironment
{
    /// <summary>Guest RAM, in which rings must lie.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>
    /// How often in a second, over some time, a driver can have a device started; beyond that it is started late. 0 for no bound.
    /// </summary>
    public int StartsPerSecond { get; init; } = 200;

    /// <summary>Hears of devices that are activated and reset. Set before devices are made.</summary>
    public IDeviceListener? Listener { get; set; }
}
