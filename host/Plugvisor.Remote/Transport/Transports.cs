using System.Globalization;
using Plugvisor.Linux.Files;
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
        if (service is null || path is null) throw NoWay();
        return new DBusTransport(service, path, system);
    }

    /// <summary>Names the sockets of VMMs that were started without saying where theirs is to be.</summary>
    private static RemoteException NoWay()
    {
        const string Question = "Please either provide the api-socket option or dbus-service-name and dbus-object-path";
        string directory = string.Create(CultureInfo.InvariantCulture, $"/run/user/{UserIdentity.Id}");
        string[] sockets = [];
        try
        {
            sockets = Directory.GetFiles(directory, "cloud-hypervisor.*");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then there are none.
        }

        sockets = Array.FindAll(sockets, static socket => !socket.EndsWith(".lock", StringComparison.Ordinal));
        Array.Sort(sockets, StringComparer.Ordinal);
        return sockets.Length == 0 ? new RemoteException(Question)
            : RemoteException.Chain(Question, $"There {(sockets.Length == 1 ? "is" : "are")} {GlobalOptions.ApiSocket} {string.Join($", {GlobalOptions.ApiSocket} ", sockets)}");
    }
}
