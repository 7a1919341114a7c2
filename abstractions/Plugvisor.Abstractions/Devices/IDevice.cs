namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// A device instance. What it can do is said by further interfaces: <c>IVirtioDevice</c> for a virtio device, and optional
/// powers beside it. <see cref="IDisposable.Dispose"/> is called once, by the control loop, after every queue was stopped:
/// it closes files, and every thread that the device started must have ended when it returns.
/// </summary>
public interface IDevice : IDisposable;
