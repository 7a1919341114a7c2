using Plugvisor.Configuration;
using Plugvisor.Machine.Devices;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Control;

/// <summary>What <c>vm.info</c> tells of the VM at one moment. Immutable.</summary>
/// <param name="Config">The configuration.</param>
/// <param name="Kinds">The device kinds of that moment.</param>
/// <param name="State">Where the VM stands; never <see cref="VmState.None"/>.</param>
/// <param name="MemoryActualSize">Bytes of RAM that the guest has.</param>
public sealed record VmInfo(VmConfig Config, IReadOnlyList<DeviceConfigSchema> Kinds, VmState State, ulong MemoryActualSize)
{
    /// <summary>The machine's devices, or null when there is no machine.</summary>
    public IReadOnlyList<DeviceTreeNode>? DeviceTree { get; init; }
}
