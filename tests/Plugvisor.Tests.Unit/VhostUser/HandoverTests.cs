using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.VhostUser.Devices;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>Another instance goes on with a back end that takes one front end in its life.</summary>
public sealed class HandoverTests : IDisposable
{
    private const ProtocolFeatures Protocol =
        ProtocolFeatures.ReplyAck | ProtocolFeatures.InflightMemory | ProtocolFeatures.Config | ProtocolFeatures.BackEndRequests | ProtocolFeatures.MultipleQueues;

    private readonly BackEnds _backEnds = new();
    private readonly GuestMemoryMock _ram = BackEnds.MakeRam();
    private readonly MockDeviceHost _host;
    private readonly string _path;
    private readonly DriverQueue _driver;
    private readonly EventFd _doorbell = new();
    private readonly MockInterrupt _interrupt = new();
    private readonly MockTransport _transport = new();
    private readonly ulong _buffer;
    private QueueState _state;

    public HandoverTests()
    {
        _host = new MockDeviceHost(_ram);
        _path = _backEnds.NewPath();
        _driver = new DriverQueue(_ram, 64, Features);
        _buffer = _ram.Allocate(512);
    }

    private static ulong Features => VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX)
        | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);

    public void Dispose()
    {
        _doorbell.Dispose();
        _interrupt.Dispose();
        _transport.Dispose();
        _ram.Dispose();
        _backEnds.Dispose();
    }

    [Fact]
    public void The_successor_has_the_same_connection_and_memory_and_nothing_is_lost_over_many()
    {
        const int rounds = 30;
        FakeBackEnd backEnd = _backEnds.Start(BackEnd());
        PlainDevice device = Make();
        Start(device);
        int before = ProcessResources.OpenDescriptors;
        for (int i = 0; i < rounds; i++)
        {
            Call();
            _state = device.StopQueue(1);
            PlainDevice successor = Succeed(device);
            Start(successor);
            device.HandedOver();
            device.Dispose();
            device = successor;
            Call();
        }

        Assert.Equal(new QueueState(2 * rounds, 2 * rounds), device.StopQueue(1));
        Assert.Single(backEnd.Requests, request => request == FrontEndRequest.SetOwner);
        Assert.Single(backEnd.Requests, request => request == FrontEndRequest.GetInflightFd);
        Assert.Single(backEnd.Inflight.Distinct());
        // Other tests run beside this one and open some for a while; a leak stays.
        Assert.True(ProcessResources.DescriptorsFallTo(before + rounds - 1), "descriptors are left open");
        device.Dispose();
        Assert.All(_host.Threads, thread => Assert.False(thread.IsAlive));
        Assert.DoesNotContain(_host.MockLog.Lines, line => line.StartsWith("warn", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_device_whose_successor_fails_goes_on(bool afterItRan)
    {
        _backEnds.Start(BackEnd());
        using PlainDevice device = Make();
        Start(device);
        Call();
        _state = device.StopQueue(1);
        PlainDevice successor = Succeed(device);
        if (afterItRan)
        {
            Start(successor);
            Call();
            _state = successor.StopQueue(1);
        }

        Run(device);
        Call();
        successor.Dispose();
        Call();
        Assert.Equal((ushort)(afterItRan ? 4 : 3), device.StopQueue(1).NextUsed);
    }

    [Fact]
    public void A_successor_follows_the_config_space()
    {
        byte[] config = [1, 2, 3, 4, 5, 6, 7, 8];
        FakeBackEnd backEnd = _backEnds.Start(BackEnd(config));
        PlainDevice device = Make();
        Start(device);
        Call();
        _state = device.StopQueue(1);
        using PlainDevice successor = Succeed(device);
        Start(successor);
        device.HandedOver();
        device.Dispose();
        Call();
        config[0] = 99;
        byte[] message = new byte[MessageHeader.Length];
        new MessageHeader((uint)BackEndRequest.ConfigChange, MessageHeader.Version, 0).Write(message);
        _ = backEnd.BackChannel!.TrySend(message);
        Assert.True(_transport.WaitForConfigChange(DriverHarness.Deadline));
        byte[] read = new byte[2];
        successor.ReadConfig(0, read);
        Assert.Equal([99, 2], read);
    }

    [Fact]
    public void A_successor_that_is_made_while_nobody_is_there_reconnects()
    {
        FakeBackEnd first = _backEnds.Start(BackEnd());
        PlainDevice device = Make();
        Start(device);
        Call();
        first.Dispose();
        Assert.True(DriverHarness.HoldsWithin(() => _host.MockCounters["backend_connected"] == 0, DriverHarness.Deadline));
        _state = device.StopQueue(1);
        using PlainDevice successor = Succeed(device);
        Start(successor);
        device.HandedOver();
        device.Dispose();
        _backEnds.Start(BackEnd());
        Call();
    }

    [Fact]
    public void State_of_another_version_or_shape_is_refused_in_words()
    {
        _backEnds.Start(BackEnd());
        using PlainDevice device = Make();
        byte[] state = device.Save().ToArray();
        state[0] = 77;
        Assert.Contains("begins with 77", Refusal(state), StringComparison.Ordinal);
        state[0] = 1;
        state[2] = 5;
        Assert.Contains("5 queues", Refusal(state), StringComparison.Ordinal);
        state[2] = 2;
        state[4] = 0xff;
        Assert.Contains("features 0xff", Refusal(state), StringComparison.Ordinal);
        Assert.Contains("0 bytes", Assert.Throws<DeviceException>(() => LinkState.From([])).Message, StringComparison.Ordinal);

        string Refusal(byte[] bytes) => Assert.Throws<DeviceException>(() => Make(bytes)).Message;
    }

    private FakeBackEnd BackEnd(byte[]? config = null) => new(_path) { Protocol = Protocol, Config = config ?? new byte[8] };

    private PlainDevice Make(ReadOnlyMemory<byte> state = default, IReadOnlyList<SafeHandle>? inherited = null) => new(
        new DeviceRequest { Id = "plain", Config = default, SavedState = state, Inherited = inherited ?? [] },
        new VhostUserOptions
        {
            SocketPath = _path,
            DeviceType = 26,
            QueueSizes = [64, 64],
            ConfigLength = 8,
            HasConfigFromBackEnd = true,
            ConnectPatience = DriverHarness.Deadline,
            RequestPatience = DriverHarness.Deadline,
            StopPatience = DriverHarness.Deadline,
            RetryPause = TimeSpan.FromMilliseconds(20),
        },
        _host);

    /// <summary>As the host does it: save, duplicate, make.</summary>
    private PlainDevice Succeed(PlainDevice device)
    {
        ReadOnlyMemory<byte> state = device.Save();
        SafeHandle[] inherited = [.. device.Handover.Select(FileDescriptor.Duplicate)];
        try
        {
            return Make(state, inherited);
        }
        finally
        {
            foreach (SafeHandle handle in inherited) handle.Dispose();
        }
    }

    private void Start(PlainDevice device)
    {
        device.Activate(Features, _transport);
        Run(device);
    }

    private void Run(PlainDevice device) => device.StartQueue(1, new QueueResources
    {
        Queue = _driver.CreateDeviceSide(new NoFault(), _state),
        Doorbell = _doorbell,
        Interrupt = _interrupt,
        Addresses = new RingAddresses(_driver.DescriptorTable, _driver.AvailRing, _driver.UsedRing),
    });

    private void Call()
    {
        _driver.Add(DriverBuffer.Writable(_buffer, 512));
        _driver.Kick();
        _doorbell.Signal();
        Assert.True(DriverHarness.HoldsWithin(() => _driver.TryCollect(out _), DriverHarness.Deadline), "the chain did not come back");
    }

    private sealed class NoFault : IQueueFault
    {
        public void OnFault(string reason) => Assert.Fail(reason);
    }
}
