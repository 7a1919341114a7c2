using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Machine.Devices;

/// <summary>
/// A device that cannot go on, whether its driver or its own code is to blame: set once until the reset, with one log line, whoever sets it first.
/// For virtio it is DEVICE_NEEDS_RESET (virtio 1.2 section 2.1.2). Any thread; no lock.
/// </summary>
/// <param name="log">The device's log.</param>
/// <param name="consequence">Ends the log line: what is to become of the device.</param>
/// <param name="tellDriver">Lets the driver know.</param>
internal sealed class DeviceLatch(IDeviceLog log, string consequence, Action tellDriver)
{
    private readonly string _culprit = (log as DeviceLog)?.Culprit ?? "";
    private int _set;
    private bool _blamed;

    /// <summary>Whether the device needs a reset.</summary>
    public bool IsSet => Volatile.Read(ref _set) != 0;

    /// <summary>The driver, or the device itself, made it so.</summary>
    public void Set(string reason)
    {
        if (Interlocked.Exchange(ref _set, 1) != 0) return;
        log.GuestTriggered($"{reason}; {consequence}");
        tellDriver();
    }

    /// <summary>
    /// The device's own code threw. The first time is always worth a line; later ones a guest can provoke at will.
    /// </summary>
    public void Blame(string callback, Exception e)
    {
        Blame($"{callback} threw {e.GetType().Name}: {e.Message}");
        if (log.IsDebugEnabled) log.Debug(e.ToString());
    }

    /// <summary>As <see cref="Blame(string, Exception)"/>, for what is no exception of a callback.</summary>
    /// <param name="what">What the device's own code did.</param>
    public void Blame(string what)
    {
        bool first = !_blamed;
        _blamed = true;
        Interlocked.Exchange(ref _set, 1);
        string line = $"{_culprit}{what}; {consequence}";
        if (first) log.Warn(line);
        else log.GuestTriggered(line);
        tellDriver();
    }

    /// <summary>Set without a word to the driver, which is in the middle of a reset.</summary>
    public void SetSilently() => Volatile.Write(ref _set, 1);

    /// <summary>The driver asks again for something that a latched device does not do.</summary>
    public void TellDriverAgain() => tellDriver();

    /// <summary>The device was reset.</summary>
    public void Clear() => Volatile.Write(ref _set, 0);
}
