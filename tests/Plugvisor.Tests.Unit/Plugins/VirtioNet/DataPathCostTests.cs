using Plugvisor.Linux.Events;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Virtio.Queues;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>Moving frames allocates nothing. Both directions run on the test's thread, where allocations can be told apart.</summary>
public sealed class DataPathCostTests : IDisposable
{
    private readonly QueueRig _rig = new(256);
    private readonly MockInterrupt _interrupt = new();
    private readonly EventFd _doorbell = new();
    private readonly QueueResources _resources;
    private readonly MockDeviceHost _host;

    public DataPathCostTests()
    {
        _resources = new QueueResources { Queue = _rig.Device, Doorbell = _doorbell, Interrupt = _interrupt };
        _host = new MockDeviceHost(_rig.Ram);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(1514)]
    [InlineData(65_000)]
    public void Receiving_allocates_nothing(int bytes)
    {
        using var port = new FakePort(NetRig.Frame(bytes));
        using var receiver = new Receiver(port, new Link(new PortSet([port], "fake0", 1500), _host.Log), new Metrics(_host.Counters), null, _host.Log)
        {
            Merges = true,
        };
        receiver.Starting(_resources);
        DriverBuffer buffer = DriverBuffer.Writable(_rig.Ram.Allocate(1526), 1526);
        Measure(() =>
        {
            while (_rig.Driver.FreeDescriptors > 0) _rig.Driver.Add(buffer);
            _rig.Driver.Kick();
            while (receiver.Serve(_resources) == ServeResult.More) { }
            receiver.Arm(_resources, out _);
            while (_rig.Driver.TryCollect(out _)) { }
        });
        Assert.True(_host.MockCounters["rx_frames"] > 1000);
    }

    [Fact]
    public void Sending_allocates_nothing()
    {
        using var port = new FakePort { Discards = true };
        using var transmitter = new Transmitter(port, new Link(new PortSet([port], "fake0", 1500), _host.Log), new Metrics(_host.Counters), null, _host.Log);
        transmitter.Starting(_resources);
        DriverBuffer header = DriverBuffer.Readable(_rig.Ram.Allocate(12), 12), frame = DriverBuffer.Readable(_rig.Ram.Allocate(1514), 1514);
        Measure(() =>
        {
            while (_rig.Driver.FreeDescriptors > 1) _rig.Driver.Add(header, frame);
            _rig.Driver.Kick();
            while (transmitter.Serve(_resources) == ServeResult.More) { }
            transmitter.Arm(_resources);
            while (_rig.Driver.TryCollect(out _)) { }
        });
        Assert.True(port.Discarded > 1000);
    }

    public void Dispose()
    {
        _rig.Dispose();
        _interrupt.Dispose();
        _doorbell.Dispose();
    }

    private static void Measure(Action round)
    {
        for (int i = 0; i < 20; i++) round();
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 400; i++) round();
        }));
    }
}
