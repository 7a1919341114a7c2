using Plugvisor.Remote.CommandLine;

namespace Plugvisor.Remote.Transport;

/// <summary>Chooses the way to the VMM by the global options.</summary>
internal static class Transports
{
    private const string SocketPath = "path=";

    /// <summary>The transport.</summary>
    /// <exception cref="UsageException">Two ways are named.</exception>
    /// <exception cref="RemoteException">None is named, or only a part of one.</exception>
    public static IRemoteTransport Choose(ParsedCommand parsed)
    {
        string? socket = parsed.Global(GlobalOptions.ApiSocket);
        string? service = parsed.Global(GlobalOptions.DBusService), path = parsed.Global(GlobalOptions.DBusObject);
        bool system = parsed.Global(GlobalOptions.DBusSystemBus) is not null;
        if (socket is not null && (service is not null || path is not null || system))
            throw new UsageException($"{GlobalOptions.ApiSocket} and the D-Bus options cannot be used together");
        if (socket is not null) return new HttpTransport(socket.StartsWith(SocketPath, StringComparison.Ordinal) ? socket[SocketPath.Length..] : socket);
        if (service is null || path is null) throw new RemoteException("Please either provide the api-socket option or dbus-service-name and dbus-object-path");
        return new DBusTransport(service, path, system);
    }
}
