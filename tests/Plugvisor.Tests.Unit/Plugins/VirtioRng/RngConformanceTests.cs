using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioRng;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioRng;

public sealed class RngConformanceTests : VirtioDeviceConformance
{
    internal static IVirtioDevice CreateRng(
        IDeviceHost host, string source = "/dev/urandom", ReadOnlyMemory<byte> state = default, IReadOnlyList<SafeHandle>? inherited = null)
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"src":"{{source}}"}""");
        return (IVirtioDevice)new Plugin().Create(new DeviceRequest { Id = "__rng", Config = config.RootElement, SavedState = state, Inherited = inherited ?? [] }, host);
    }

    protected override IVirtioDevice Create(MockDeviceHost host) => CreateRng(host);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        CreateRng(host, state: state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) => [DriverBuffer.Writable(ram.Allocate(64), 64)];
}
