using Plugvisor.Linux.Errors;
using Plugvisor.Linux.SystemBus;
using Plugvisor.Remote.Calls;

namespace Plugvisor.Remote.Transport;

/// <summary>The VMM's object on a message bus (interface reference section 3). Connects when there is something to ask.</summary>
internal sealed class DBusTransport(string service, string path, bool system) : IRemoteTransport
{
    private const string Interface = "org.cloudhypervisor.DBusApi1", Failed = "dbus zbus client error";
    private const int ENOMEDIUM = 123;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Send(RemoteCall call)
    {
        if (call.DBusMethod is not { } method) throw RemoteException.Chain(Failed, $"{call.Name} cannot be asked for over D-Bus; --api-socket can");
        if (call.Descriptors.Count > 0) throw RemoteException.Chain(Failed, "File descriptors cannot be sent over D-Bus; --api-socket can");
        if (!SdBusLibrary.IsPresent) throw RemoteException.Chain(Failed, $"D-Bus needs libsystemd ({SdBusLibrary.Name}), which is not installed");
        try
        {
            using var bus = SdBus.Open(system);
            using SdBusMessage message = bus.NewCall(service, path, Interface, method);
            if (call.Body is not null) message.Append(call.Body);
            using SdBusMessage? reply = bus.Call(message, out (string Name, string Message)? error);
            if (reply is null) throw RemoteException.Chain(Failed, $"{error!.Value.Name}: {error.Value.Message}");
            return reply.Signature == "s" ? reply.ReadUtf8() : ReadOnlyMemory<byte>.Empty;
        }
        catch (LinuxException e) when (e.Errno == ENOMEDIUM)
        {
            throw RemoteException.Chain(
                Failed, "There is no session bus here: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; --dbus-system-bus asks on the system bus");
        }
        catch (LinuxException e)
        {
            throw new RemoteException(Failed, e);
        }
    }

    /// <inheritdoc/>
    public void Follow(RemoteCall call, Action<ReadOnlySpan<byte>> received) => throw RemoteException.Chain(
        Failed, $"{call.Name} cannot be followed over D-Bus; --api-socket can. On the bus, events are the signal Event of {Interface}");

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
