using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;

namespace Plugvisor.Control;

/// <content>Devices whose code is replaced while the VM runs.</content>
public sealed partial class Vmm
{
    /// <summary>
    /// Makes every device of a plugin anew with the code of its successor, from the state of the one before. All of them or none: when it throws,
    /// the devices go on as they are, and the successor is unloaded by the caller.
    /// </summary>
    /// <param name="present">The plugin as it is.</param>
    /// <param name="devices">Its devices.</param>
    /// <param name="successor">What is to take over; <see cref="LoadedPlugin.Track"/> is told of each new device.</param>
    private static void ReplaceDevices(PluginEntry present, IReadOnlyList<PluggedDevice> devices, LoadedPlugin successor)
    {
        _ = successor;
        var ids = new List<string>();
        foreach (PluggedDevice device in devices) ids.Add(device.Id);
        throw new VmmException(
            VmmErrorKind.NotImplemented,
            $"plugin {present.Name} is in use by {string.Join(", ", ids)}, and code is not replaced under devices yet in this version of Plugvisor: remove "
            + $"{(ids.Count == 1 ? "it" : "them")} first");
    }
}
