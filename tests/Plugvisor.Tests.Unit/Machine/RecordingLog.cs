using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Tests.Unit.Machine;

/// <summary>A device log that keeps its lines; nothing is rate limited here.</summary>
internal sealed class RecordingLog : IDeviceLog
{
    private readonly List<string> _lines = [];

    public List<string> Lines
    {
        get { lock (_lines) return [.. _lines]; }
    }

    public bool IsDebugEnabled => false;

    public void Warn(string message) => Add(message);

    public void Info(string message) { }

    public void Debug(string message) { }

    public void GuestTriggered(string message) => Add(message);

    private void Add(string message)
    {
        lock (_lines) _lines.Add(message);
    }
}
