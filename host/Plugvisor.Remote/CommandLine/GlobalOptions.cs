namespace Plugvisor.Remote.CommandLine;

/// <summary>The options that stand before any command (or behind it): which VMM is meant.</summary>
internal static class GlobalOptions
{
    public const string ApiSocket = "--api-socket";
    public const string DBusService = "--dbus-service-name";
    public const string DBusObject = "--dbus-object-path";
    public const string DBusSystemBus = "--dbus-system-bus";
    public const string PluginDir = "--plugin-dir";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RemoteOption> All { get; } =
    [
        new(ApiSocket, "path", "API socket of the VMM") { IsPath = true },
        new(DBusService, "name", "D-Bus service name of the VMM, in place of a socket"),
        new(DBusObject, "path", "D-Bus object path of the VMM"),
        new(DBusSystemBus, null, "Look for it on the system bus, not on the session bus"),
        new(PluginDir, "path", "Directory with plugins, whose devices can be added; can be given again")
        {
            IsPath = true, IsRepeatable = true, Default = "plugins beside the executable",
        },
    ];
}
