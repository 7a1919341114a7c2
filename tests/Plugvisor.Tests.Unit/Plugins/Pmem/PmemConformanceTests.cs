using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Plugins.Pmem;
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
    private readonly MockDeviceMemory _memory = new();   // the machine's, so a successor finds its range there

    public void Dispose()
    {
        foreach (TemporaryFile file in _files) file.Dispose();
    }

    protected override void Prepare(MockDeviceHost host) => host.Offer<IDeviceMemory>(_memory);

    protected override IVirtioDevice Create(MockDeviceHost host)
    {
        var file = new TemporaryFile(length: 2 << 20);
        _files.Add(file);
        return PmemTests.Create(host, file.Path);
    }

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited)
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"file":"{{_files[^1].Path}}"}""");
        return (IVirtioDevice)new Plugin().Create(
            new DeviceRequest { Id = "_pmem0", Config = config.RootElement, SavedState = state, Inherited = inherited }, host);
    }

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(4), 4), DriverBuffer.Writable(ram.Allocate(4), 4)];
}
