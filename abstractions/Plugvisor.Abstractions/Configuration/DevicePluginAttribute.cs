using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// Marks the entry of a plugin assembly: the one public class that implements <see cref="IDevicePlugin"/>. The assembly also has
/// exactly one class with <see cref="DeviceConfigAttribute"/>; from the two the source generator makes the
/// <see cref="PluginManifestAttribute"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DevicePluginAttribute : Attribute
{
    /// <summary>
    /// Whether the plugin's code can be unloaded and replaced while the VMM runs. It costs precompiled code: the runtime
    /// compiles everything in such a plugin again, at the first call. The user can override it for one run.
    /// </summary>
    public bool Reloadable { get; set; }
}
