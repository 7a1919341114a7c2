namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// An optional power of a device: another instance, of the same or a newer version of the plugin, can go on where this one stands. The host uses it to
/// replace the code of a plugin while its devices are in use, and to carry a device into another process. A device without it can do neither.
/// <para>
/// The host keeps what the guest sees of the bus: negotiated features, ring addresses and indices, interrupts, BARs, configuration registers. The device saves
/// the rest: what its driver has set (a cache mode, a filter, an armed timer) and what it took from the outside and has not passed on yet. What follows from its
/// configuration or from what it opens is not saved.
/// </para>
/// </summary>
public interface ISnapshottable
{
    /// <summary>
    /// What a new instance needs to go on, which gets it as <see cref="DeviceRequest.SavedState"/>. Called on one thread of the host, after every queue was
    /// stopped (and after <see cref="IPausable.Pause"/>, where the device has that), while no access of the guest is under way: so nothing changes meanwhile. It must not
    /// change anything itself, as this instance goes on when nobody can use its state, nor wait for anybody.
    /// </summary>
    /// <returns>
    /// Bytes whose meaning is the plugin's alone; never empty. They say their own version first: a newer plugin has to read what an older one saved, and one that reads a
    /// version it does not know refuses by a <see cref="DeviceException"/> from <see cref="IDevicePlugin.Create"/>. Nothing of the process (descriptors, pointers) is in them.
    /// The device does not write to them afterwards.
    /// </returns>
    /// <exception cref="DeviceException">It cannot be saved now; the device goes on.</exception>
    ReadOnlyMemory<byte> Save();
}
