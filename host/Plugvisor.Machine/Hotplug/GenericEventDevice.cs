using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Interrupts;

namespace Plugvisor.Machine.Hotplug;

/// <summary>
/// The register behind the ACPI generic event device (ACPI 6.3 section 5.6.9): one byte of events, cleared by reading it.
/// </summary>
public sealed class GenericEventDevice(IInterruptLine interrupt) : IBusDevice
{
    /// <summary>Length of the register.</summary>
    public const ulong Length = 1;

    /// <summary>The I/O APIC pin.</summary>
    public const int Irq = 13;

    private int _events;

    /// <summary>Tells the guest. Any thread.</summary>
    public void Notify(GenericEvent happened)
    {
        Interlocked.Or(ref _events, (int)happened);
        interrupt.Pulse();
    }

    /// <summary>Forgets what the guest has not read.</summary>
    public void Reset() => Interlocked.Exchange(ref _events, 0);

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        if (offset == 0 && data.Length > 0) data[0] = (byte)Interlocked.Exchange(ref _events, 0);
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        // Read-only.
    }
}
