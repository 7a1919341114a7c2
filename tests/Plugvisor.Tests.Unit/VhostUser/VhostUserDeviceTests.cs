using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.VhostUser.Devices;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.VhostUser;

public sealed class VhostUserDeviceTests : IDisposable
{
    private const ulong TypeBit = 1UL << 5, OtherTypeBit = 1UL << 7;

    private readonly BackEnds _backEnds = new();
    private readonly GuestMemoryMock _ram = BackEnds.MakeRam();
    private readonly MockDeviceHost _host;

    public VhostUserDeviceTests() => _host = new MockDeviceHost(_ram);

    public void Dispose()
    {
        _ram.Dispose();
        _backEnds.Dispose();
    }

    [Fact]
    public void The_driver_is_offered_what_device_and_back_end_both_have()
    {
        const ulong modern = 1UL << VirtioFeatures.VIRTIO_F_VERSION_1, indirect = 1UL << VirtioFeatures.VIRTIO_F_INDIRECT_DESC;
        string path = _backEnds.NewPath();
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path)
        {
            Features = TypeBit | OtherTypeBit | modern | indirect | 1UL << VirtioFeatures.VIRTIO_F_RING_PACKED | Session.ProtocolFeaturesBit,
        });
        var device = new PlainDevice("plain", Options(path, features: TypeBit | 1UL << 6), _host);
        using var harness = new DriverHarness(device, _host);
        Assert.Equal(TypeBit | indirect, device.Traits.Features);
        harness.Start();
        Assert.Equal(512u, Call(harness));
        Assert.Equal([TypeBit | indirect | modern | Session.ProtocolFeaturesBit], backEnd.AckedFeatures);
    }

    [Fact]
    public void Memory_that_cannot_be_shared_is_an_error_that_names_the_option()
    {
        string path = _backEnds.NewPath();
        using var alone = new GuestMemoryMock();
        var error = Assert.Throws<DeviceException>(() => new PlainDevice("plain", Options(path), new MockDeviceHost(alone)));
        Assert.Contains("--memory shared=on", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_where_nobody_listens_is_an_error_that_names_it_and_what_to_do()
    {
        string path = _backEnds.NewPath();
        var options = new VhostUserOptions { SocketPath = path, DeviceType = 26, QueueSizes = [64], ConnectPatience = TimeSpan.Zero, Advice = "start it" };
        var error = Assert.Throws<DeviceException>(() => new PlainDevice("plain", options, _host));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.EndsWith("start it", error.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Threads);
    }

    [Fact]
    public void A_back_end_that_starts_after_the_device_is_waited_for()
    {
        string path = _backEnds.NewPath();
        var late = new Thread(() =>
        {
            DriverHarness.HoldsWithin(() => _host.MockLog.Lines.Any(line => line.Contains("nobody serves", StringComparison.Ordinal)), DriverHarness.Deadline);
            _backEnds.Start(new FakeBackEnd(path));
        });
        late.Start();
        using var harness = new DriverHarness(new PlainDevice("plain", Options(path), _host), _host);
        late.Join();
        harness.Start();
        Assert.Equal(512u, Call(harness));
    }

    [Fact]
    public void A_back_end_with_too_few_queues_is_refused()
    {
        string path = _backEnds.NewPath();
        _backEnds.Start(new FakeBackEnd(path, queues: 1));
        var error = Assert.Throws<DeviceException>(() => new PlainDevice("plain", Options(path), _host));
        Assert.Contains("serves 1 queues, and 2 are needed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_back_end_without_protocol_features_serves_too()
    {
        string path = _backEnds.NewPath();
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path) { Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1) });
        using var harness = new DriverHarness(new PlainDevice("plain", Options(path), _host), _host);
        harness.Start();
        Assert.Equal(512u, Call(harness));
        Assert.DoesNotContain(FrontEndRequest.SetVringEnable, backEnd.Requests);
        Assert.DoesNotContain(FrontEndRequest.GetProtocolFeatures, backEnd.Requests);
    }

    [Fact]
    public void More_memory_regions_than_a_table_has_come_one_by_one()
    {
        var regions = new MockRegion[12];
        for (int i = 0; i < regions.Length; i++) regions[i] = new MockRegion((ulong)i << 32, 4 << 20);
        using GuestMemoryMock ram = GuestMemoryMock.Shareable(regions);
        var host = new MockDeviceHost(ram);
        string path = _backEnds.NewPath();
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path) { Protocol = ProtocolFeatures.ReplyAck | ProtocolFeatures.MemorySlots });
        using var harness = new DriverHarness(new PlainDevice("plain", Options(path), host), host);
        harness.Start();
        Assert.Equal(512u, harness.Queues[1].Call(DriverBuffer.Writable((11ul << 32) + 4096, 512)));
        Assert.Equal(FakeBackEnd.Filling, ram.Bytes((11ul << 32) + 4096, 1)[0]);
        Assert.Equal(4, backEnd.Requests.Count(request => request == FrontEndRequest.AddMemReg));

        string other = _backEnds.NewPath();
        _backEnds.Start(new FakeBackEnd(other));
        var error = Assert.Throws<DeviceException>(() => new PlainDevice("plain", Options(other), host));
        Assert.Contains("takes 8 memory regions, and the guest has 12", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_back_end_raises_the_interrupt_itself_and_learns_of_another_vector()
    {
        string path = _backEnds.NewPath();
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path));
        using var device = new PlainDevice("plain", Options(path), _host);
        using EventFd first = new(), second = new(), doorbell = new();
        using var transport = new MockTransport();
        var trigger = new MockTrigger();
        trigger.Assign(first);
        device.Activate(device.Traits.Features | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1), transport);
        var driver = new DriverQueue(_ram, 64, device.Traits.Features);
        ulong buffer = _ram.Allocate(512);
        device.StartQueue(0, new QueueResources
        {
            Queue = driver.CreateDeviceSide(new NoFault()),
            Doorbell = doorbell,
            Interrupt = trigger,
            Addresses = new RingAddresses(driver.DescriptorTable, driver.AvailRing, driver.UsedRing),
        });
        Call(driver, doorbell, buffer);
        Assert.True(DriverHarness.HoldsWithin(() => first.Drain() > 0, DriverHarness.Deadline), "the first vector was not raised");

        trigger.Assign(null);
        Await(() => backEnd.CallOf(0) is null, "the back end was not told that there is no vector");
        driver.EnableInterrupts();
        Call(driver, doorbell, buffer);
        trigger.Assign(second);
        Await(() => backEnd.CallOf(0) is not null, "the back end was not told of the vector");
        driver.EnableInterrupts();
        Call(driver, doorbell, buffer);
        Assert.True(DriverHarness.HoldsWithin(() => second.Drain() > 0, DriverHarness.Deadline), "the second vector was not raised");
        Assert.Equal(0ul, first.Drain());

        Assert.Equal(new QueueState(3, 3), device.StopQueue(0));
        Assert.False(trigger.IsWatched);
    }

    [Fact]
    public void The_config_space_of_a_back_end_is_read_written_and_followed()
    {
        string path = _backEnds.NewPath();
        byte[] config = [1, 2, 3, 4, 5, 6, 7, 8];
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path)
        {
            Config = config,
            Protocol = ProtocolFeatures.ReplyAck | ProtocolFeatures.Config | ProtocolFeatures.BackEndRequests,
        });
        using var harness = new DriverHarness(new PlainDevice("plain", Options(path, configLength: config.Length), _host), _host);
        harness.Start();
        Assert.Equal([3, 4, 5], ReadConfig(harness, 2, 3));

        harness.Device.WriteConfig(4, [9, 9]);
        Assert.Equal([4, 9, 9, 7], ReadConfig(harness, 3, 4));
        Await(() => backEnd.ConfigWrites.Count == 1, "the write did not come");
        byte[] write = backEnd.ConfigWrites.Single();
        Assert.Equal((4, 2), (BinaryPrimitives.ReadInt32LittleEndian(write), BinaryPrimitives.ReadInt32LittleEndian(write.AsSpan(4))));
        Assert.Equal([9, 9], write[12..]);

        config[0] = 77;
        SendOnBackChannel(backEnd, (uint)BackEndRequest.ConfigChange, MessageHeader.Version, 0);
        Assert.True(harness.Transport.WaitForConfigChange(DriverHarness.Deadline));
        Assert.Equal([77, 2], ReadConfig(harness, 0, 2));
    }

    [Fact]
    public void A_back_end_that_can_be_reset_is_reset_with_the_device()
    {
        string path = _backEnds.NewPath();
        FakeBackEnd backEnd = _backEnds.Start(new FakeBackEnd(path) { Protocol = ProtocolFeatures.ReplyAck | ProtocolFeatures.ResetDevice });
        using var harness = new DriverHarness(new PlainDevice("plain", Options(path), _host), _host);
        harness.Start();
        Call(harness);
        harness.Reset();
        harness.Start();
        Assert.Equal(512u, Call(harness));
        Assert.Single(backEnd.Requests, request => request == FrontEndRequest.ResetDevice);
        Assert.Equal(2, backEnd.AckedFeatures.Count);
    }

    private static void SendOnBackChannel(FakeBackEnd backEnd, uint request, uint flags, int size)
    {
        Await(() => backEnd.BackChannel is not null, "no back channel");
        byte[] message = new byte[MessageHeader.Length];
        new MessageHeader(request, flags, size).Write(message);
        _ = backEnd.BackChannel!.TrySend(message);
    }

    private static byte[] ReadConfig(DriverHarness harness, int offset, int length)
    {
        byte[] bytes = new byte[length];
        harness.Device.ReadConfig(offset, bytes);
        return bytes;
    }

    private static VhostUserOptions Options(string path, ulong features = 0, int configLength = 0) => new()
    {
        SocketPath = path,
        DeviceType = 26,
        QueueSizes = [64, 64],
        Features = features,
        ConfigLength = configLength,
        HasConfigFromBackEnd = configLength > 0,
        ConnectPatience = DriverHarness.Deadline,
    };

    private static void Await(Func<bool> condition, string otherwise) => Assert.True(DriverHarness.HoldsWithin(condition, DriverHarness.Deadline), otherwise);

    private static void Call(DriverQueue driver, EventFd doorbell, ulong buffer)
    {
        driver.Add(DriverBuffer.Writable(buffer, 512));
        driver.Kick();
        doorbell.Signal();
        Await(() => driver.TryCollect(out _), "the chain did not come back");
    }

    private uint Call(DriverHarness harness) => harness.Queues[1].Call(DriverBuffer.Writable(_ram.Allocate(512), 512));

    private sealed class NoFault : IQueueFault
    {
        public void OnFault(string reason) => Assert.Fail(reason);
    }
}
