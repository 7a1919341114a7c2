namespace Plugvisor.DBus.Bus;

/// <summary>Where the buses are: D-Bus specification, "Well-known Message Bus Instances".</summary>
internal static class BusAddress
{
    private const string DefaultSystemBus = "unix:path=/run/dbus/system_bus_socket";

    /// <summary>The address of the session or the system bus.</summary>
    /// <param name="system">Which of them.</param>
    /// <param name="environment">Gives environment variables.</param>
    /// <exception cref="BusException">This process has no session bus.</exception>
    public static string Of(bool system, Func<string, string?> environment)
    {
        string? address = environment(system ? "DBUS_SYSTEM_BUS_ADDRESS" : "DBUS_SESSION_BUS_ADDRESS");
        if (!string.IsNullOrEmpty(address)) return address;
        if (system) return DefaultSystemBus;
        string? directory = environment("XDG_RUNTIME_DIR");
        if (!string.IsNullOrEmpty(directory)) return $"unix:path={Escaped(directory)}/bus";
        throw new BusException(
            "there is no session bus here: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set; start in a session "
            + "(dbus-run-session makes one) or use --dbus-system-bus", isFinal: true);
    }

    /// <summary>Escapes what an address may not have in a value; "Server Addresses" in the specification.</summary>
    private static string Escaped(string path)
    {
        var text = new System.Text.StringBuilder(path.Length);
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(path))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || (char)b is '-' or '_' or '/' or '\\' or '*' or '.') text.Append((char)b);
            else text.Append('%').Append(b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
