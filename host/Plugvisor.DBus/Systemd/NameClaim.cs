using Plugvisor.DBus.Bus;
using Plugvisor.Linux.SystemBus;

namespace Plugvisor.DBus.Systemd;

/// <summary>
/// Owning a name on the bus: D-Bus specification, "Message Bus Name Owning". Asked for without waiting for the answer, which comes as one message
/// among others.
/// </summary>
internal sealed class NameClaim
{
    /// <summary>What is told when the bus ends a connection that served.</summary>
    public const string Closed = "the bus has closed the connection";

    private const string Bus = "org.freedesktop.DBus", BusPath = "/org/freedesktop/DBus", LocalInterface = "org.freedesktop.DBus.Local";

    // DBUS_NAME_FLAG_DO_NOT_QUEUE: the name now or not at all. Not among the flags: that another may take it away.
    private const uint DoNotQueue = 4;

    // DBUS_REQUEST_NAME_REPLY_*.
    private const uint PrimaryOwner = 1, AlreadyOwner = 4;

    private readonly string _name;
    private readonly ulong _cookie;

    /// <summary>Asks for a name. The call is sent once the bus has greeted.</summary>
    public NameClaim(SdBus bus, string name)
    {
        _name = name;
        using SdBusMessage call = bus.NewCall(Bus, BusPath, Bus, "RequestName");
        call.Append(name);
        call.Append(DoNotQueue);
        _cookie = bus.Send(call);
    }

    /// <summary>Whether the name is ours.</summary>
    public bool IsOwned { get; private set; }

    /// <summary>Looks at a reply or a signal.</summary>
    /// <exception cref="BusException">The name is not to be had or is lost, or the bus says good-bye.</exception>
    public void Handle(SdBusMessage message)
    {
        switch (message.Kind)
        {
            case SdBusMessageKind.MethodReturn when message.ReplyCookie == _cookie:
                if (message.ReadUInt32() is not (PrimaryOwner or AlreadyOwner))
                {
                    throw new BusException(
                        $"the name {_name} is owned by another program on the bus; choose another --dbus-service-name", isFinal: true);
                }

                IsOwned = true;
                break;

            case SdBusMessageKind.Error when message.ReplyCookie == _cookie:
                string why = message.Error is { } error ? error.Message : "no reason given";
                throw new BusException($"the bus refuses the name {_name}: {why}");

            case SdBusMessageKind.Signal when message.Interface == LocalInterface && message.Member == "Disconnected":
                throw new BusException(IsOwned ? Closed : "the bus closed the connection before it gave the name");

            case SdBusMessageKind.Signal when message.Sender == Bus && message.Member == "NameLost" && message.Signature == "s"
                && message.ReadString() == _name:
                throw new BusException($"the bus has taken the name {_name} away");

            default:
                break;
        }
    }
}
