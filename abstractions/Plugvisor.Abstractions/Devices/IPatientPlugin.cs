namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// An optional power of the plugin class whose <see cref="IDevicePlugin.Create"/> may have to wait for another process, such as a daemon that is being
/// started. Without it the host gives a device up that is not made in 20 s. Nobody else is answered meanwhile, so keep it short when
/// <see cref="DeviceRequest.IsHotPlug"/> says that a machine runs.
/// </summary>
public interface IPatientPlugin
{
    /// <summary>How long making this device may wait for others, beyond what the host gives every device. The host allows a minute at most. Touches nothing outside.</summary>
    /// <param name="request">The device that is to be made.</param>
    TimeSpan PatienceFor(DeviceRequest request);
}
