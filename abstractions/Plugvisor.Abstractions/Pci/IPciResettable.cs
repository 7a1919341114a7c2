namespace Plugvisor.Abstractions.Pci;

/// <summary>
/// An optional power of an <see cref="IPciDevice"/>: the guest can reset the function by itself. With it the host adds the Advanced Features capability
/// with function level reset (PCI Engineering Change Notice "Advanced Capabilities for Conventional PCI"), which Linux offers as <c>reset</c> in sysfs.
/// </summary>
public interface IPciResettable
{
    /// <summary>
    /// Back to how the device was after <see cref="IPciDevice.Attach"/>. On a vCPU thread; BARs and interrupts are off already, accesses that began before
    /// may still be under way.
    /// </summary>
    void Reset();
}
