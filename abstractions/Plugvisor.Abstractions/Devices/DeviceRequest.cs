using System.Runtime.InteropServices;
using System.Text.Json;

namespace Plugvisor.Abstractions.Devices;

/// <summary>What a device is to be: its identity and its configuration, already checked against the plugin's declaration.</summary>
public sealed class DeviceRequest
{
    /// <summary>Unique id in the VM, given by the user or generated (<c>_disk0</c>).</summary>
    public required string Id { get; init; }

    /// <summary>
    /// The configuration as it stands in VmConfig (a JSON object). Typed configs generated for
    /// <c>[DeviceConfig]</c> classes read it with <c>Config.From(element)</c>.
    /// </summary>
    public required JsonElement Config { get; init; }

    /// <summary>Number of vCPUs at boot, an upper bound that some devices have for their queues.</summary>
    public int VcpuCount { get; init; } = 1;

    /// <summary>
    /// Open descriptors that came with the request (over an API socket), in the order in which they came; numbers in <see cref="Config"/> mean
    /// nothing then. They stay the host's, which keeps them for the device's next life after a reboot: duplicate what the device uses.
    /// </summary>
    public IReadOnlyList<SafeHandle> Descriptors { get; init; } = [];

    /// <summary>State saved by an earlier instance, or empty for a new device.</summary>
    public ReadOnlyMemory<byte> SavedState { get; init; }
}
