namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// The entry of a plugin assembly: one public class with a parameterless constructor, marked with
/// <c>[DevicePlugin]</c>. It holds no device state.
/// </summary>
public interface IDevicePlugin
{
    /// <summary>
    /// Makes one device. Called on the control loop's thread, or on one that it waits for, once for each device, also while the VM runs.
    /// Opens and locks what the device needs; does no guest I/O yet. With <see cref="DeviceRequest.SavedState"/> it goes on for an earlier instance; the guest waits meanwhile, so
    /// that has to be quick.
    /// </summary>
    /// <exception cref="DeviceException">The device cannot be made; the message names the thing and the fix.</exception>
    IDevice Create(DeviceRequest request, IDeviceHost host);
}
