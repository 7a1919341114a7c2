namespace Plugvisor.Machine.Devices;

/// <summary>
/// Hears what drivers do with their devices. Called on vCPU threads and on threads of devices, as often as a guest likes: cheap, never blocks.
/// Calls for one device come one after another.
/// </summary>
public interface IDeviceListener
{
    /// <summary>The driver has set the device up; it runs.</summary>
    void OnActivated(string id);

    /// <summary>The driver has reset a device that ran.</summary>
    void OnReset(string id);
}
