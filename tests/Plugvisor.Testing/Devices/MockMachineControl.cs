using System.Collections.Concurrent;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Testing.Devices;

/// <summary>The machine as a device may ask it: keeps what was asked. Offer it with <see cref="MockDeviceHost.Offer"/>. Any thread.</summary>
public sealed class MockMachineControl : IMachineControl
{
    /// <summary>The causes of the resets that were asked for.</summary>
    public ConcurrentQueue<string> Resets { get; } = new();

    /// <summary>The events that were reported: <c>panic event=panic</c>.</summary>
    public ConcurrentQueue<string> Events { get; } = new();

    /// <inheritdoc/>
    public void RequestReset(string cause) => Resets.Enqueue(cause);

    /// <inheritdoc/>
    public void ReportGuestEvent(string name, IReadOnlyDictionary<string, string> properties) =>
        Events.Enqueue(string.Join(' ', [name, .. properties.Select(property => $"{property.Key}={property.Value}")]));
}
