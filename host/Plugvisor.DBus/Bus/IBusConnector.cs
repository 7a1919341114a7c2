namespace Plugvisor.DBus.Bus;

/// <summary>
/// Makes connections to a message bus. This interface, <see cref="IBusConnection"/> and <see cref="IBusCall"/> are all that Plugvisor knows of a D-Bus
/// library; docs/adr/0009-dbus.md says which one it is and why.
/// </summary>
internal interface IBusConnector
{
    /// <summary>A connection that does not run yet.</summary>
    /// <param name="address">A D-Bus address.</param>
    /// <param name="name">The well-known name to own; never queued for, never given up to another.</param>
    /// <param name="service">What is behind the name.</param>
    /// <exception cref="BusException">The library is not there.</exception>
    IBusConnection Create(string address, string name, IBusService service);
}
