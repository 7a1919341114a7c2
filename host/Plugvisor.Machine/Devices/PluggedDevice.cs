using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.Loading;

namespace Plugvisor.Machine.Devices;

/// <summary>A device of a plugin on the machine's PCI bus.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Segment">Its PCI segment.</param>
/// <param name="Slot">Its slot.</param>
/// <param name="Counters">What it counts.</param>
/// <param name="Function">Its bus side.</param>
public sealed record PluggedDevice(string Id, int Segment, int Slot, DeviceCounters Counters, DeviceFunction Function)
{
    /// <summary>The plugin that made it, or null where nobody asks.</summary>
    public IDevicePlugin? Plugin { get; init; }

    /// <summary>What the catalog calls the plugin, or null where nobody asks.</summary>
    public string? PluginName { get; init; }

    /// <summary>What it was asked to be. Only with it can its code be exchanged.</summary>
    public DeviceRequest? Request { get; init; }

    /// <summary>The threads that it started, or null where nobody counts them.</summary>
    public DeviceThreads? Threads { get; init; }

    /// <summary>The plugin's device, for the optional powers that it may have.</summary>
    public IDevice Device => Function.Device;

    /// <summary>The address as the API spells it: <c>0000:00:01.0</c>.</summary>
    public string Bdf => $"{Segment:x4}:00:{Slot:x2}.0";
}
