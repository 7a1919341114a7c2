using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Abstractions.Memory;

/// <summary>
/// Puts host memory into guest-physical space, where the guest reads and writes it with no exit; a service of the host:
/// <c>IDeviceHost.Service&lt;IDeviceMemory&gt;()</c>. The addresses lie in the 64-bit device area, beside BARs; no BAR can be moved there.
/// The memory is not part of <see cref="IDeviceHost.Memory"/>: no device does I/O on it, and rings cannot lie in it.
/// Any thread. Each range costs one memory slot of the kernel and changing slots takes milliseconds: place whole mappings, when the device is made.
/// </summary>
public interface IDeviceMemory
{
    /// <summary>Places a mapping.</summary>
    /// <param name="owner">The device's id, for messages.</param>
    /// <param name="mapping">What the guest is to see.</param>
    /// <param name="alignment">Of the guest address: a power of two, at least 4 KiB; 2 MiB lets the processor use large pages.</param>
    /// <param name="address">
    /// Where to place it, for a device that was there before (<see cref="DeviceRequest.SavedState"/>); null leaves that to the host, which chooses the same address for the same
    /// machine again.
    /// </param>
    /// <returns>The place; disposing it takes the memory away from the guest.</returns>
    /// <exception cref="DeviceException">There is no room, the place is taken, or the kernel has no memory slot left.</exception>
    IDeviceMemoryRange Place(string owner, HostMapping mapping, ulong alignment, ulong? address = null);

    /// <summary>
    /// Goes on with a range that the earlier instance of a device has placed and that is still there (<see cref="DeviceRequest.Inherited"/>), for the guest without a gap. The range goes
    /// when both instances have disposed what they got for it.
    /// </summary>
    /// <param name="owner">The device's id, the same as the earlier one's.</param>
    /// <param name="address">Where it lies.</param>
    /// <param name="mend">As <see cref="HostMapping.Mend"/>; it is asked in place of the earlier one's for as long as this answer is not disposed.</param>
    /// <param name="mapping">The mapping that the guest sees. It stays mapped while the range is there, also when its maker has disposed it.</param>
    /// <exception cref="DeviceException">The device has nothing there.</exception>
    IDeviceMemoryRange Continue(string owner, ulong address, Func<bool>? mend, out SafeHandle mapping);
}
