using System.Collections.Concurrent;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Testing.Devices;

/// <summary>Keeps what a device logs.</summary>
public sealed class MockDeviceLog : IDeviceLog
{
    /// <summary>All lines, each with its level in front: <c>warn: ...</c>.</summary>
    public ConcurrentQueue<string> Lines { get; } = new();

    /// <inheritdoc/>
    public bool IsDebugEnabled => true;

    /// <inheritdoc/>
    public void Warn(string message) => Lines.Enqueue("warn: " + message);

    /// <inheritdoc/>
    public void Info(string message) => Lines.Enqueue("info: " + message);

    /// <inheritdoc/>
    public void Debug(string message) => Lines.Enqueue("debug: " + message);

    /// <inheritdoc/>
    public void GuestTriggered(string message) => Lines.Enqueue("guest: " + message);
}
