using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>The tests of every virtio device, on the queue that sends.</summary>
public sealed class NetTransmitConformance : VirtioDeviceConformance
{
    protected override int RequestQueue => 1;

    protected override IVirtioDevice Create(MockDeviceHost host) => NetRig.Create(host, [], [new FakePort()]);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        NetRig.Create(host, [], [new FakePort()], state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Readable(ram.Allocate(12), 12), DriverBuffer.Readable(ram.Allocate(60), 60)];
}

/// <summary>The same on the queue that receives, from a host that always has a frame.</summary>
public sealed class NetReceiveConformance : VirtioDeviceConformance
{
    protected override IVirtioDevice Create(MockDeviceHost host) => NetRig.Create(host, [], [new FakePort(NetRig.Frame(60))]);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        NetRig.Create(host, [], [new FakePort(NetRig.Frame(60))], state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) => [DriverBuffer.Writable(ram.Allocate(1526), 1526)];
}

/// <summary>The same where a frame goes over several buffers.</summary>
public sealed class NetMergedReceiveConformance : VirtioDeviceConformance
{
    protected override IVirtioDevice Create(MockDeviceHost host) => NetRig.Create(host, [], [new FakePort(NetRig.Frame(100))]);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        NetRig.Create(host, [], [new FakePort(NetRig.Frame(100))], state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram) =>
        [DriverBuffer.Writable(ram.Allocate(12), 12), DriverBuffer.Writable(ram.Allocate(244), 244)];
}

/// <summary>The same on the control queue of a device with several pairs.</summary>
public sealed class NetControlConformance : VirtioDeviceConformance
{
    protected override int RequestQueue => 4;

    protected override IVirtioDevice Create(MockDeviceHost host) =>
        NetRig.Create(host, new JsonObject { ["num_queues"] = 4 }, [new FakePort(), new FakePort()]);

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        NetRig.Create(host, new JsonObject { ["num_queues"] = 4 }, [new FakePort(), new FakePort()], state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong command = ram.Allocate(4);
        ram.Write(command, (byte)4);
        ram.Write(command + 2, (ushort)2);
        return [DriverBuffer.Readable(command, 4), DriverBuffer.Writable(ram.Allocate(1), 1)];
    }
}
