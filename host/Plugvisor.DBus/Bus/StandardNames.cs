namespace Plugvisor.DBus.Bus;

/// <summary>Names of the D-Bus specification: "Standard Interfaces" and the errors that the reference implementation defines.</summary>
internal static class StandardNames
{
    public const string Introspectable = "org.freedesktop.DBus.Introspectable";
    public const string Properties = "org.freedesktop.DBus.Properties";
    public const string Peer = "org.freedesktop.DBus.Peer";

    public const string Failed = "org.freedesktop.DBus.Error.Failed";
    public const string IOError = "org.freedesktop.DBus.Error.IOError";
    public const string InvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
    public const string LimitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded";
    public const string UnknownObject = "org.freedesktop.DBus.Error.UnknownObject";
    public const string UnknownInterface = "org.freedesktop.DBus.Error.UnknownInterface";
    public const string UnknownMethod = "org.freedesktop.DBus.Error.UnknownMethod";
    public const string UnknownProperty = "org.freedesktop.DBus.Error.UnknownProperty";
}
