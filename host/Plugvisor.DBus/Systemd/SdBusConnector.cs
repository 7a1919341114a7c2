using Plugvisor.DBus.Bus;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>Connections by libsystemd's sd-bus.</summary>
internal sealed class SdBusConnector : IBusConnector
{
    /// <inheritdoc/>
    public async Task<IBusConnection> ConnectAsync(string address, string name, Action<IBusCall> calls, CancellationToken cancellation)
    {
        if (!SdBusLibrary.IsPresent)
        {
            throw new BusException(
                $"{SdBusLibrary.Name} cannot be loaded; install it (Debian and Ubuntu: apt-get install libsystemd0)", isFinal: true);
        }

        var connection = new SdBusConnection(address, name, calls);
        try
        {
            await connection.StartAsync().WaitAsync(cancellation).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
