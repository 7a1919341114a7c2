using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
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
    /// <param name="config">The configuration by the successor's declaration.</param>
    /// <returns>The configuration with what the new devices filled in.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private VmConfig ReplaceDevices(PluginEntry present, List<PluggedDevice> devices, LoadedPlugin successor, VmConfig config)
    {
        successor.Warm();
        try
        {
            TimeSpan stood = _machine!.Replace(devices[0].Plugin!, successor.Plugin, id => ConfigOf(config, id));
            _log.LogInformation("plugin {Name}: {Count} of its devices stood still for {Time:0.0} ms", present.Name, devices.Count, stood.TotalMilliseconds);
        }
        catch (DeviceException e)
        {
            throw new VmmException($"plugin {present.Name} is not replaced", e);
        }

        foreach (PluggedDevice device in _machine.Devices)
        {
            if (!ReferenceEquals(device.Plugin, successor.Plugin)) continue;
            successor.Track(device.Id, device.Device, device.Threads);
            foreach (DeviceSpec spec in config.Devices)
            {
                if (spec.Id != device.Id) continue;
                config = Complete(config, spec, device);
                break;
            }
        }

        return config;
    }

    /// <summary>A device's configuration, or null when it has none any more: the guest has not let go of it yet.</summary>
    private static JsonElement? ConfigOf(VmConfig config, string id)
    {
        foreach (DeviceSpec spec in config.Devices)
        {
            if (spec.Id == id) return spec.Config;
        }

        return null;
    }
}
