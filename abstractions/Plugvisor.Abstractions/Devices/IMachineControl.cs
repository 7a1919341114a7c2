namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// What a device may ask of the whole machine, a service of the host: <c>IDeviceHost.Service&lt;IMachineControl&gt;()</c>. Any thread; posts
/// and returns at once, so that also a vCPU thread may call, and the guest behind it as often as it likes.
/// </summary>
public interface IMachineControl
{
    /// <summary>
    /// The machine is to be reset, as by its reset button: a new machine starts from the same configuration. The caller is disposed soon. Asking again
    /// meanwhile does nothing.
    /// </summary>
    /// <param name="cause">Why, for the log; a constant of the device, never the guest's bytes.</param>
    void RequestReset(string cause);

    /// <summary>
    /// Tells whoever follows the VMM's events what happened in the guest. The event's source is <c>guest</c>. The same event with the same properties
    /// is told once a second at most.
    /// </summary>
    /// <param name="name">The event (<c>panic</c>); a constant of the device, never the guest's bytes.</param>
    /// <param name="properties">Details, of a fixed set; not changed afterwards.</param>
    void ReportGuestEvent(string name, IReadOnlyDictionary<string, string> properties);
}
