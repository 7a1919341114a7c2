using Plugvisor.Machine.Pci.Msix;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The interrupt of a queue or of config changes. The vector is swapped while others signal; a signal uses the old or the new one.
/// </summary>
internal sealed class QueueInterrupt(VirtioIsr isr, byte isrBit) : IQueueInterrupt
{
    private MsixVector? _vector;

    /// <summary>The vector that the driver assigned, or null for none.</summary>
    public MsixVector? Vector
    {
        get => Volatile.Read(ref _vector);
        set => Volatile.Write(ref _vector, value);
    }

    /// <inheritdoc/>
    public void Signal()
    {
        isr.Set(isrBit);
        Vector?.Signal();
    }

    /// <summary>As <see cref="Signal"/>, for callers that may come while the device is being removed.</summary>
    public void SignalUnlessClosed()
    {
        isr.Set(isrBit);
        Vector?.SignalUnlessClosed();
    }
}
