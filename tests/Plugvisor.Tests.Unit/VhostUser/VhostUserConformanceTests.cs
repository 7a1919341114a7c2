using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>What every device has to do, done by a back end that is well-behaved.</summary>
public sealed class VhostUserConformanceTests : VirtioDeviceConformance, IDisposable
{
    private readonly BackEnds _backEnds = new();
    private string _lastPath = "";

    public void Dispose() => _backEnds.Dispose();

    protected override int RequestQueue => 1;

    protected override GuestMemoryMock CreateRam() => BackEnds.MakeRam();

    protected override IVirtioDevice Create(MockDeviceHost host)
    {
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(_backEnds.NewPath()));
        _lastPath = backEnd.Path;
        return new PlainDevice("fake", PlainDevice.Options(backEnd.Path), host);
    }

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        new PlainDevice(new DeviceRequest { Id = "fake", Config = default, SavedState = state, Inherited = inherited }, PlainDevice.Options(_lastPath), host);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(40), 40), DriverBuffer.Writable(ram.Allocate(512), 512)];
}
