using Plugvisor.Linux.Events;

namespace Plugvisor.Machine.Pci.Msix;

/// <summary>
/// One MSI-X vector: its eventfd, which is raised by whoever has an interrupt to send, and its table entry. The entry is changed
/// under the lock of its <see cref="MsixTable"/>.
/// </summary>
public sealed class MsixVector : IDisposable
{
    /// <summary>Vector control bit 0 (PCI Local Bus 3.0 section 6.8.2.9). Masked after power-on.</summary>
    internal const uint MaskBit = 1;

    internal MsixVector() => Trigger = new EventFd();

    /// <summary>Bound to a GSI while the vector may send; otherwise its counter remembers that an interrupt is pending.</summary>
    internal EventFd Trigger { get; }

    internal ulong MessageAddress { get; set; }

    internal uint MessageData { get; set; }

    internal uint Control { get; set; } = MaskBit;

    internal uint? Gsi { get; set; }

    internal bool IsBound { get; set; }

    internal bool IsPending { get; set; }

    /// <summary>
    /// Sends the interrupt, now or when the vector is unmasked. Any thread; one system call, no lock. Not after the vector was
    /// disposed: for callers that have stopped by then, such as queues.
    /// </summary>
    public void Signal() => Trigger.Signal();

    /// <summary>As <see cref="Signal"/>, for callers that may come at any time, also while the device is being removed.</summary>
    public void SignalUnlessClosed() => Trigger.SignalUnlessClosed();

    /// <inheritdoc/>
    public void Dispose() => Trigger.Dispose();
}
