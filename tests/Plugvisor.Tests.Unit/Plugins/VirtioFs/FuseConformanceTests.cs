using System.Runtime.InteropServices;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

public sealed class FuseConformanceTests : VirtioDeviceConformance, IDisposable
{
    private readonly string _shared = Directory.CreateTempSubdirectory("plugvisor-fs").FullName;

    protected override int RequestQueue => 1;

    public void Dispose() => Directory.Delete(_shared, recursive: true);

    protected override IVirtioDevice Create(MockDeviceHost host) => FuseDriver.Make(host, _shared);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        FuseDriver.Make(host, _shared, state: state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong request = ram.Allocate(64), answer = ram.Allocate(128);
        ram.Write(request, new InHeader { Length = 56, Opcode = FuseOpcode.GetAttr, NodeId = FuseDriver.Root });
        return [DriverBuffer.Readable(request, 40), DriverBuffer.Readable(request + 40, 16), DriverBuffer.Writable(answer, 16), DriverBuffer.Writable(answer + 16, 104)];
    }
}
