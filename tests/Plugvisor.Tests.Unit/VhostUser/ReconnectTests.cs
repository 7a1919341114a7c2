using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>A back end that goes away and comes back, while its device stays.</summary>
public sealed class ReconnectTests : IDisposable
{
    private readonly BackEnds _backEnds = new();
    private readonly GuestMemoryMock _ram = BackEnds.MakeRam();
    private readonly MockDeviceHost _host;
    private readonly string _path;
    private readonly ulong _buffer;

    public ReconnectTests()
    {
        _host = new MockDeviceHost(_ram);
        _path = _backEnds.NewPath();
        _buffer = _ram.Allocate(512);
    }

    private IEnumerable<string> Warnings => _host.MockLog.Lines.Where(line => line.StartsWith("warn", StringComparison.Ordinal));

    public void Dispose()
    {
        _ram.Dispose();
        _backEnds.Dispose();
    }

    [Fact]
    public void Hostile_35_what_was_in_flight_is_served_by_the_next_back_end_and_the_driver_notices_nothing()
    {
        FakeBackEnd first = _backEnds.Start(new FakeBackEnd(_path));
        using DriverHarness harness = Start();
        for (int i = 0; i < 5; i++) Call(harness);
        first.Serves = false;
        for (int i = 0; i < 3; i++) Add(harness);
        first.Dispose();

        FakeBackEnd second = _backEnds.Start(new FakeBackEnd(_path));
        for (int i = 0; i < 3; i++) Assert.Equal(512u, harness.Queues[1].Collect().Written);
        Assert.Contains((1, 5u), second.Bases);
        Assert.Equal(512u, Call(harness));
        Assert.Equal(new QueueState(9, 9), harness.Queues[1].Stop());
        Assert.Empty(harness.Transport.ResetReasons);
        Assert.Contains("closed the connection", Assert.Single(Warnings), StringComparison.Ordinal);
        Assert.Equal(1ul, _host.MockCounters["backend_reconnects"]);
        Assert.Equal(1ul, _host.MockCounters["backend_connected"]);
    }

    [Fact]
    public void Memory_for_what_is_in_flight_goes_to_the_next_back_end_and_is_new_after_a_reset()
    {
        const ProtocolFeatures protocol = ProtocolFeatures.ReplyAck | ProtocolFeatures.InflightMemory;
        FakeBackEnd first = _backEnds.Start(new FakeBackEnd(_path) { Protocol = protocol });
        using DriverHarness harness = Start();
        Call(harness);
        first.Dispose();
        FakeBackEnd second = _backEnds.Start(new FakeBackEnd(_path) { Protocol = protocol });
        Call(harness);
        Assert.Equal(first.Inflight.Single(), second.Inflight.Single());
        Assert.DoesNotContain(FrontEndRequest.GetInflightFd, second.Requests);

        harness.Reset();
        harness.Start();
        Call(harness);
        Assert.Equal(2, second.Inflight.Count);
        Assert.NotEqual(second.Inflight.First().Inode, second.Inflight.Last().Inode);
    }

    [Fact]
    public void A_driver_may_stop_reset_and_start_again_while_nobody_is_there()
    {
        FakeBackEnd first = _backEnds.Start(new FakeBackEnd(_path));
        using DriverHarness harness = Start();
        for (int i = 0; i < 4; i++) Call(harness);
        first.Serves = false;
        for (int i = 0; i < 2; i++) Add(harness);
        first.Dispose();

        // Six were taken at most and four given back; the two are taken again.
        Assert.Equal(new QueueState(4, 4), harness.Queues[1].Stop());
        Assert.Equal(new QueueState(4, 4), harness.Device.StopQueue(1));
        harness.Queues[1].Start();
        harness.Stop();
        harness.Reset();
        harness.Start();
        Add(harness);

        FakeBackEnd second = _backEnds.Start(new FakeBackEnd(_path));
        Assert.Equal(512u, harness.Queues[1].Collect().Written);
        Assert.Contains((1, 0u), second.Bases);
    }

    [Fact]
    public void A_back_end_that_can_do_less_makes_the_device_need_a_reset_once()
    {
        FakeBackEnd first = _backEnds.Start(new FakeBackEnd(_path));
        using DriverHarness harness = Start();
        Call(harness);
        first.Dispose();
        const ulong less = 1UL << VirtioFeatures.VIRTIO_F_VERSION_1 | Session.ProtocolFeaturesBit;
        FakeBackEnd second = _backEnds.Start(new FakeBackEnd(_path) { Features = less });
        harness.WaitFor(() => harness.Transport.IsLatched, "the latch");
        second.Dispose();
        FakeBackEnd third = _backEnds.Start(new FakeBackEnd(_path) { Features = less });
        harness.WaitFor(() => third.Requests.Contains(FrontEndRequest.GetFeatures), "the next attempt");
        third.Dispose();
        Assert.Contains("features 0x30000000", Assert.Single(harness.Transport.ResetReasons), StringComparison.Ordinal);

        harness.Reset();
        harness.Start();
        _backEnds.Start(new FakeBackEnd(_path));
        Assert.Equal(512u, Call(harness));
        Assert.Empty(harness.Transport.ResetReasons);
    }

    [Fact]
    public void Hostile_35_a_back_end_that_comes_and_goes_all_the_time_costs_one_line_and_no_descriptor()
    {
        const int rounds = 50;
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(_path));
        using DriverHarness harness = Start();
        int before = ProcessResources.OpenDescriptors;
        for (int i = 0; i < rounds; i++)
        {
            Call(harness);
            if (i % 2 == 0) backEnd.Serves = false;
            Add(harness);
            backEnd.Dispose();
            backEnd = _backEnds.Start(new FakeBackEnd(_path));
            Assert.Equal(512u, harness.Queues[1].Collect().Written);
        }

        // The last chain may have been served by the one before.
        harness.WaitFor(() => _host.MockCounters["backend_reconnects"] == rounds, "the last reconnect");
        Assert.Single(Warnings);
        // Other tests run beside this one and open some for a while; a leak stays.
        Assert.True(ProcessResources.DescriptorsFallTo(before + rounds - 1), "descriptors are left open");
    }

    private DriverHarness Start()
    {
        var harness = new DriverHarness(new PlainDevice("plain", PlainDevice.Options(_path), _host), _host);
        harness.Start();
        return harness;
    }

    private void Add(DriverHarness harness)
    {
        harness.Queues[1].Driver.Add(DriverBuffer.Writable(_buffer, 512));
        harness.Queues[1].Kick();
    }

    private uint Call(DriverHarness harness) => harness.Queues[1].Call(DriverBuffer.Writable(_buffer, 512));
}
