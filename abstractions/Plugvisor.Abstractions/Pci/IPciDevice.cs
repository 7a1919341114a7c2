using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Abstractions.Pci;

/// <summary>
/// A PCI device that is not virtio: the second door of the contract. The host owns the bus: configuration space, BAR sizing and
/// relocation, MSI-X, the capability list. The device owns what lies behind its BARs. Further powers are further interfaces: <see cref="IPciConfigSpace"/>,
/// <see cref="IPciResettable"/>, <see cref="IPausable"/>.
/// <para>
/// Accesses come on vCPU threads, several at once and at any time after <see cref="Attach"/>, and the guest waits for each: no I/O, no waiting. What
/// throws latches the device: its reads are all ones from then on and its writes are dropped, until a reset of the function or of the machine.
/// </para>
/// </summary>
public interface IPciDevice : IDevice
{
    /// <summary>What the device is. Read once, after it was made.</summary>
    PciTraits Traits { get; }

    /// <summary>The device is on its bus; the guest can see it after this returns. Once.</summary>
    /// <exception cref="DeviceException">The device cannot work; it is disposed.</exception>
    void Attach(IPciTransport transport);

    /// <summary>A guest read of registers behind a BAR.</summary>
    /// <param name="bar">Index of the BAR, as it was declared.</param>
    /// <param name="offset">Offset in the BAR.</param>
    /// <param name="destination">
    /// Receives 1 to 8 bytes, at whatever alignment; all inside the declared size. Filled with ones, so what is not implemented may be left.
    /// </param>
    void ReadBar(int bar, ulong offset, Span<byte> destination);

    /// <summary>A guest write to registers behind a BAR; ranges as for <see cref="ReadBar"/>. What is not implemented is ignored.</summary>
    void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source);
}
