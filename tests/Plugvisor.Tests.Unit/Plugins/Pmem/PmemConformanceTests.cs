using Plugvisor.Abstractions.Memory;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.Pmem;

public sealed class PmemConformanceTests : VirtioDeviceConformance, IDisposable
{
    private readonly List<TemporaryFile> _files = [];

    public void Dispose()
    {
        foreach (TemporaryFile file in _files) file.Dispose();
    }

    protected override void Prepare(MockDeviceHost host) => host.Offer<IDeviceMemory>(new MockDeviceMemory());

    protected override IVirtioDevice Create(MockDeviceHost host)
    {
        var file = new TemporaryFile(length: 2 << 20);
        _files.Add(file);
        return PmemTests.Create(host, file.Path);
    }

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(4), 4), DriverBuffer.Writable(ram.Allocate(4), 4)];
}
