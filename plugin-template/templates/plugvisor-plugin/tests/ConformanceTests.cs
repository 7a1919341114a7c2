using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace MyDevice.Tests;

/// <summary>What every virtio device has to do; the tests come by inheritance.</summary>
public sealed class ConformanceTests : VirtioDeviceConformance
{
    protected override IVirtioDevice Create(MockDeviceHost host) => DeviceTests.Make(host);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(32), 32), DriverBuffer.Writable(ram.Allocate(64), 64)];
}
