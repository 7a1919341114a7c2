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
    /// Whether the device is added to a machine that exists already, whose user waits for the answer; otherwise it is made for a machine that is about to boot.
    /// </summary>
    public bool IsHotPlug { get; init; }

    /// <summary>
    /// Open descriptors that came with the request (over an API socket), in the order in which they came; numbers in <see cref="Config"/> mean
    /// nothing then. They stay the host's, which keeps them for the device's next life after a reboot: duplicate what the device uses.
    /// </summary>
    public IReadOnlyList<SafeHandle> Descriptors { get; init; } = [];

    /// <summary>
    /// What an earlier instance saved (<see cref="ISnapshottable.Save"/>), or empty for a new device. The new one goes on from there; when it cannot, because it does not
    /// know that version or the state does not fit its configuration, Create throws a <see cref="DeviceException"/> that says why, and the earlier instance goes on.
    /// After Create come Activate, with what was negotiated, and StartQueue at the rings' indices, where the driver had got that far.
    /// </summary>
    public ReadOnlyMemory<byte> SavedState { get; init; }

    /// <summary>
    /// Duplicates of what the earlier instance handed over (<see cref="IHandsOver.Handover"/>), in its order; empty for a new device and for one that is restored in another
    /// process. The earlier instance still exists and holds its own, stopped. They are the host's, which closes them when Create has returned or thrown: duplicate what the device goes
    /// on with.
    /// </summary>
    public IReadOnlyList<SafeHandle> Inherited { get; init; } = [];
}
