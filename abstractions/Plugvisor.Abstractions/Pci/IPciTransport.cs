namespace Plugvisor.Abstractions.Pci;

/// <summary>What a PCI device can ask of its bus. Any thread; free of locks.</summary>
public interface IPciTransport
{
    /// <summary>
    /// Raises an MSI-X vector: one system call when the guest has enabled it, pending until it does otherwise.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The device has declared no such vector: a mistake of the device.</exception>
    void SignalInterrupt(int vector);
}
