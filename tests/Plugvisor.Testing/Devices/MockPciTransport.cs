using System.Collections.Concurrent;
using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Testing.Devices;

/// <summary>The PCI bus as a device sees it: keeps the interrupts that it raised. Any thread.</summary>
/// <param name="vectors">How many vectors the device has declared.</param>
public sealed class MockPciTransport(int vectors) : IPciTransport
{
    /// <summary>The vectors that were raised, in order.</summary>
    public ConcurrentQueue<int> Interrupts { get; } = new();

    /// <inheritdoc/>
    public void SignalInterrupt(int vector)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vector);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vector, vectors);
        Interrupts.Enqueue(vector);
    }
}
