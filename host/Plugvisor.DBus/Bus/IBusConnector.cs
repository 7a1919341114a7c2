namespace Plugvisor.DBus.Bus;

/// <summary>
/// Makes connections to a message bus. This interface, <see cref="IBusConnection"/> and <see cref="IBusCall"/> are all that Plugvisor knows of a D-Bus
/// library; docs/adr/0009-dbus.md says which one it is and why.
/// </summary>
internal interface IBusConnector
{
    /// <summary>Connects, is greeted and owns the name, all without blocking the caller.</summary>
    /// <param name="address">A D-Bus address.</param>
    /// <param name="name">The well-known name to own; never queued for, never given up to another.</param>
    /// <param name="calls">Receives each method call that the library does not answer itself, on a thread of the connection, in order.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="BusException">It did not work; the message says why in words.</exception>
    Task<IBusConnection> ConnectAsync(string address, string name, Action<IBusCall> calls, CancellationToken cancellation);
}
