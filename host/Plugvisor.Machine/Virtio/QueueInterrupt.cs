using Plugvisor.Linux.Events;
using Plugvisor.Machine.Pci.Msix;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The interrupt of a queue or of config changes. The vector is swapped while others signal; a signal uses the old or the new one.
/// </summary>
internal sealed class QueueInterrupt(VirtioIsr isr, byte isrBit) : IQueueInterrupt, IInterruptTrigger
{
    private MsixVector? _vector;
    private EventFd? _listener;

    /// <summary>The vector that the driver assigned, or null for none.</summary>
    public MsixVector? Vector
    {
        get => Volatile.Read(ref _vector);
        set
        {
            if (ReferenceEquals(Interlocked.Exchange(ref _vector, value), value)) return;
            // A plugin's, so it may be closed by now.
            if (Volatile.Read(ref _listener) is { } listener) listener.SignalUnlessClosed();
        }
    }

    /// <inheritdoc/>
    public EventFd? Trigger => Vector?.Trigger;

    /// <inheritdoc/>
    public void NotifyChanges(EventFd? listener) => Volatile.Write(ref _listener, listener);

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
