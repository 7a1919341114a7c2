using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Machine;

/// <content>Other code for devices in use.</content>
public sealed partial class VirtualMachine
{
    /// <summary>
    /// Lets every device of a plugin go on with other code: it is stopped and saved where it stands, a successor is made by the other plugin, gets what was
    /// negotiated and the rings, and starts. The guest sees the same device and waits shortly. All of the plugin's devices change, or none.
    /// </summary>
    /// <param name="plugin">The plugin whose devices these are; none of them refers to it afterwards.</param>
    /// <param name="successor">Makes the new instances. Whatever can be done before (loading and compiling its code) should have been.</param>
    /// <param name="configOf">The configuration of a device by its id, as its successor is to get it; null for the one that it was made with.</param>
    /// <returns>How long the devices stood still; zero when there are none.</returns>
    /// <exception cref="DeviceException">
    /// A device cannot be stopped or saved, or the other code refuses it, fails or takes too long; the message names the device and the reason. All go on with
    /// the code that they had.
    /// </exception>
    public TimeSpan Replace(IDevicePlugin plugin, IDevicePlugin successor, Func<string, JsonElement?> configOf)
    {
        var exchanges = new List<DeviceExchange>();
        var places = new List<int>();
        for (int i = 0; i < _devices.Count; i++)
        {
            PluggedDevice device = _devices[i];
            if (device.Request is not { } before || !ReferenceEquals(device.Plugin, plugin)) continue;
            var request = new DeviceRequest
            {
                Id = before.Id,
                Config = configOf(before.Id) ?? before.Config,
                VcpuCount = before.VcpuCount,
                Descriptors = before.Descriptors,
            };
            var host = new DeviceHost(device.Id, _ram.Memory, LogOf(successor, request, device.PluginName), _clock, _services);
            exchanges.Add(new DeviceExchange(device, successor, request, host));
            places.Add(i);
        }

        if (exchanges.Count == 0) return TimeSpan.Zero;
        try
        {
            return ExchangeRun.Run(exchanges, _virtio.ExchangeDeadline);
        }
        finally
        {
            for (int i = 0; i < places.Count; i++)
            {
                PluggedDevice device = exchanges[i].Device;
                _devices[places[i]] = device;
                exchanges[i].Clean(_virtio.ExchangeDeadline, LogOf(device.Plugin!, device.Request!, device.PluginName));
            }
        }
    }
}
