namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// A device's log. What a guest can trigger at will is logged through <see cref="GuestTriggered"/>, which is rate limited.
/// Any thread; never on a data path that is healthy.
/// </summary>
public interface IDeviceLog
{
    /// <summary>Something an operator should know about and can act on.</summary>
    void Warn(string message);

    /// <summary>A state change worth a line at <c>-v</c>.</summary>
    void Info(string message);

    /// <summary>Detail for developers, at <c>-vv</c>. Build the string only when <see cref="IsDebugEnabled"/>.</summary>
    void Debug(string message);

    /// <summary>Whether <see cref="Debug"/> goes anywhere.</summary>
    bool IsDebugEnabled { get; }

    /// <summary>A warning about what the guest did. Repeats within a while are counted, not printed.</summary>
    void GuestTriggered(string message);
}
