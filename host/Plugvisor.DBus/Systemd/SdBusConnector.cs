using Plugvisor.DBus.Bus;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>Connections by libsystemd's sd-bus.</summary>
internal sealed class SdBusConnector : IBusConnector
{
    /// <inheritdoc/>
    public IBusConnection Create(string address, string name, IBusService service) => SdBusLibrary.IsPresent
        ? new SdBusConnection(address, name, service)
        : throw new BusException(
            $"{SdBusLibrary.Name} cannot be loaded; install it (Debian and Ubuntu: apt-get install libsystemd0)", isFinal: true);
}
