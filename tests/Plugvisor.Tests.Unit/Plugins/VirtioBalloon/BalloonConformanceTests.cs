using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBalloon;

public sealed class BalloonConformanceTests : VirtioDeviceConformance
{
    private const string Config = """{"size":1048576,"deflate_on_oom":true,"free_page_reporting":true}""";

    protected override IVirtioDevice Create(MockDeviceHost host) => BalloonRig.Create(host, Config);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        BalloonRig.Create(host, Config, state);

    protected override void Prepare(MockDeviceHost host) => host.Offer<IGuestPages>(new BalloonRig.FakePages(host.Memory));

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong list = ram.Allocate(8);
        ram.Write(list, 0x100u);
        ram.Write(list + 4, 0x102u);
        return [DriverBuffer.Readable(list, 8)];
    }
}
