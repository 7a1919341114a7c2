using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>A device's lines in the VMM's log. What the guest triggers is printed once a second at most, with the number left out.</summary>
public sealed class DeviceLog(string id, ILogger log, TimeProvider clock) : IDeviceLog
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private long _lastPrinted;
    private bool _printedOnce;
    private int _suppressed;

    /// <summary>The plugin whose code the device is, or null where it is the host's.</summary>
    public string? Plugin { get; init; }

    /// <summary>Begins a line about what the plugin did, wherever the line goes: <c>plugin virtio-blk: </c>.</summary>
    public string Culprit => Plugin is null ? "" : $"plugin {Plugin}: ";

    /// <inheritdoc/>
    public bool IsDebugEnabled => log.IsEnabled(LogLevel.Debug);

    /// <inheritdoc/>
    public void Warn(string message) => log.LogWarning("{Device}: {Message}", id, message);

    /// <inheritdoc/>
    public void Info(string message) => log.LogInformation("{Device}: {Message}", id, message);

    /// <inheritdoc/>
    public void Debug(string message) => log.LogDebug("{Device}: {Message}", id, message);

    /// <inheritdoc/>
    public void GuestTriggered(string message)
    {
        int suppressed;
        lock (_lock)
        {
            if (_printedOnce && clock.GetElapsedTime(_lastPrinted) < Quiet)
            {
                _suppressed++;
                return;
            }

            suppressed = _suppressed;
            _suppressed = 0;
            _printedOnce = true;
            _lastPrinted = clock.GetTimestamp();
        }

        if (suppressed == 0) log.LogWarning("{Device}: {Message}", id, message);
        else log.LogWarning("{Device}: {Message} ({Count} more like it were not printed)", id, message, suppressed);
    }
}
