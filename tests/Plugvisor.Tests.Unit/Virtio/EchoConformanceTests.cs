using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Virtio;

/// <summary>The suite on the smallest device: what fails here is the suite's, the worker's or the queue's fault.</summary>
public sealed class EchoConformanceTests : VirtioDeviceConformance
{
    protected override IVirtioDevice Create(MockDeviceHost host) => new EchoDevice(host);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
    [
        DriverBuffer.Readable(ram.Allocate(48), 48),
        DriverBuffer.Writable(ram.Allocate(16), 16),
        DriverBuffer.Writable(ram.Allocate(64), 64),
    ];
}
