using Plugvisor.DBus.Bus;

namespace Plugvisor.DBus;

/// <summary>Where the API is on D-Bus. Immutable.</summary>
public sealed class DBusOptions
{
    /// <summary>A place on a bus.</summary>
    /// <param name="serviceName">The well-known name to own, such as <c>org.example.Vm1</c>.</param>
    /// <param name="objectPath">The one object, such as <c>/org/example/Vm1</c>.</param>
    /// <param name="systemBus">The system bus instead of the session bus.</param>
    /// <exception cref="FormatException">The name or the path is none; the message says what is wrong with it.</exception>
    public DBusOptions(string serviceName, string objectPath, bool systemBus = false)
    {
        if (BusNames.WhyNoServiceName(serviceName) is { } name) throw new FormatException($"D-Bus service name '{serviceName}': {name}");
        if (BusNames.WhyNoObjectPath(objectPath) is { } path) throw new FormatException($"D-Bus object path '{objectPath}': {path}");
        ServiceName = serviceName;
        ObjectPath = objectPath;
        SystemBus = systemBus;
    }

    /// <summary>The well-known name.</summary>
    public string ServiceName { get; }

    /// <summary>The object's path.</summary>
    public string ObjectPath { get; }

    /// <summary>Whether it is the system bus.</summary>
    public bool SystemBus { get; }
}
