namespace Plugvisor.DBus.Bus;

/// <summary>A connection that owns its name. Any thread. Disposing sends what is waiting, within a second, and disconnects.</summary>
internal interface IBusConnection : IAsyncDisposable
{
    /// <summary>Ends when the connection does without having been disposed; the result says why in words.</summary>
    Task<string> Lost { get; }

    /// <summary>
    /// Sends a signal with one string. Signals arrive in the order of the calls. The task ends when the connection has taken the signal or is over; a
    /// bus that does not read keeps it waiting, so whoever awaits it never piles up signals.
    /// </summary>
    Task EmitAsync(BusSignal signal);
}
