using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioWatchdog;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioWatchdog;

public sealed class WatchdogConformanceTests : VirtioDeviceConformance
{
    internal static IVirtioDevice CreateWatchdog(IDeviceHost host, byte[]? saved = null)
    {
        using JsonDocument config = JsonDocument.Parse("{}");
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "__watchdog", Config = config.RootElement, SavedState = saved }, host);
    }

    protected override void Prepare(MockDeviceHost host) => host.Offer<IMachineControl>(new MockMachineControl());

    protected override IVirtioDevice Create(MockDeviceHost host) => CreateWatchdog(host);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        CreateWatchdog(host, state.ToArray());

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) => [DriverBuffer.Writable(ram.Allocate(1), 1)];
}
