using System.Runtime.InteropServices;
using Plugvisor.Plugins.VirtioVsock;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioVsock;

public sealed class VsockConformanceTests : VirtioDeviceConformance, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vsock").FullName;
    private int _made;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    protected override int RequestQueue => VsockSpec.TransmitQueue;

    protected override IVirtioDevice Create(MockDeviceHost host) => VsockRig.Create(host, Path.Combine(_folder, $"{_made++}"));

    /// <summary>Of the first one: tests that replace a device have no other.</summary>
    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        VsockRig.Create(host, Path.Combine(_folder, "0"), state.ToArray(), inherited: inherited);

    /// <summary>A RST of no connection: the one packet that nothing follows from.</summary>
    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong packet = ram.Allocate(Packet.Size);
        ram.Write(packet, VsockRig.NewPacket(VsockSpec.VIRTIO_VSOCK_OP_RST, 1, 2));
        return [DriverBuffer.Readable(packet, Packet.Size)];
    }
}
