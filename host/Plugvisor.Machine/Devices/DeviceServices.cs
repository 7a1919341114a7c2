namespace Plugvisor.Machine.Devices;

/// <summary>The optional services that the host offers to devices, found by their contract interface. Filled before any device is made.</summary>
/// <param name="others">Where services are looked for that are not here, or null.</param>
public sealed class DeviceServices(DeviceServices? others = null)
{
    private readonly List<object> _services = [];

    /// <summary>Offers a service under every contract interface that it implements.</summary>
    public void Add(object service) => _services.Add(service);

    /// <summary>The service, or null.</summary>
    public T? Find<T>() where T : class
    {
        foreach (object service in _services)
        {
            if (service is T found) return found;
        }

        return others?.Find<T>();
    }
}
