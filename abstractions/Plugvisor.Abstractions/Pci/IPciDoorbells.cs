namespace Plugvisor.Abstractions.Pci;

/// <summary>
/// An optional power of an <see cref="IPciDevice"/>: registers that only wake somebody. The kernel signals the register's eventfd when the guest writes there, and the vCPU never leaves the
/// guest. What was written is lost, and <see cref="IPciDevice.WriteBar"/> is not called; reads go to the device as ever.
/// </summary>
public interface IPciDoorbells
{
    /// <summary>
    /// The registers. Read once, after <see cref="IPciDevice.Traits"/>; the eventfds stay open until the device is disposed. A successor (<see cref="Devices.ISnapshottable"/>) has the same ones in the same order,
    /// with eventfds of its own, which get what nobody has heard yet; so a device that can be replaced hears nothing while it is paused (<see cref="Devices.IPausable"/>).
    /// </summary>
    IReadOnlyList<PciDoorbell> Doorbells { get; }
}
