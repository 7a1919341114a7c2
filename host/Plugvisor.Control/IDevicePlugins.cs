using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Control;

/// <summary>Where the plugin of a device kind comes from; loads it when it is asked for the first time.</summary>
public interface IDevicePlugins
{
    /// <summary>The plugin of a kind.</summary>
    /// <exception cref="Exception">There is none, or it cannot be loaded; the message says which and why.</exception>
    IDevicePlugin Load(string kind);
}
