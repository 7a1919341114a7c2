namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// An optional power of a device that does something by itself and has no virtqueues, whose stopping would be enough: it stands still while the VM is
/// paused. Called by the host, one at a time.
/// </summary>
public interface IPausable
{
    /// <summary>
    /// Stops what the device does by itself; when it returns, guest memory and guest state do not change any more. Waits for what is in flight, with a
    /// bound: a device that does not return in time is latched.
    /// </summary>
    void Pause();

    /// <summary>Goes on.</summary>
    void Resume();
}
