using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Memory;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.VhostUser.Devices;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>Back ends that break the protocol: each ends its connection, and the device goes on with the next one.</summary>
public sealed class HostileBackEndTests : IDisposable
{
    private const uint ReplyFlags = MessageHeader.Version | MessageHeader.Reply;

    private readonly BackEnds _backEnds = new();
    private readonly GuestMemoryMock _ram = BackEnds.MakeRam();
    private readonly MockDeviceHost _host;
    private readonly string _path;
    private readonly ulong _buffer;

    public HostileBackEndTests()
    {
        _host = new MockDeviceHost(_ram);
        _path = _backEnds.NewPath();
        _buffer = _ram.Allocate(512);
    }

    public enum Misdeed
    {
        WrongSize,
        NoPayload,
        WrongRequest,
        NotAReply,
        WrongVersion,
        HugeSize,
        EndInTheMiddle,
        End,
        Silence,
        HalfAMessage,
        OneDescriptor,
        ManyDescriptors,
        DescriptorsBeforeTheEnd,
        Refusal,
    }

    public static TheoryData<Misdeed, string> AtFirst() => new()
    {
        { Misdeed.WrongSize, "16 bytes" },
        { Misdeed.NoPayload, "0 bytes" },
        { Misdeed.WrongRequest, "by request 99" },
        { Misdeed.NotAReply, "flags 0x1," },
        { Misdeed.WrongVersion, "another version" },
        { Misdeed.HugeSize, "4294967295 bytes" },
        { Misdeed.EndInTheMiddle, "closed the connection in the middle of a message" },
        { Misdeed.End, "closed the connection" },
        { Misdeed.Silence, "did not answer within 1 s" },
        { Misdeed.HalfAMessage, "did not answer within 1 s" },
        { Misdeed.OneDescriptor, "sent 1 descriptors" },
        { Misdeed.ManyDescriptors, "sent 9 descriptors" },
        { Misdeed.DescriptorsBeforeTheEnd, "sent 9 descriptors" },
    };

    public static TheoryData<Misdeed, string> Later()
    {
        var data = new TheoryData<Misdeed, string>();
        foreach (Misdeed misdeed in Enum.GetValues<Misdeed>())
        {
            data.Add(misdeed, nameof(FrontEndRequest.SetMemTable));
            data.Add(misdeed, nameof(FrontEndRequest.SetVringAddr));
            if (misdeed != Misdeed.Refusal) data.Add(misdeed, nameof(FrontEndRequest.GetVringBase));
        }

        return data;
    }

    public void Dispose()
    {
        _ram.Dispose();
        _backEnds.Dispose();
    }

    [Theory]
    [MemberData(nameof(AtFirst))]
    public void Hostile_35_a_device_is_not_made_with_a_back_end_that_breaks_the_protocol(Misdeed misdeed, string says)
    {
        _backEnds.Start(new FakeBackEnd(_path) { Intercept = Doing(misdeed, FrontEndRequest.GetFeatures) });
        var error = Assert.Throws<DeviceException>(() => new PlainDevice("plain", Options(PatienceFor(misdeed)), _host));
        Assert.Contains(_path, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Threads);
    }

    [Theory]
    [MemberData(nameof(Later))]
    public void Hostile_35_a_running_device_leaves_a_back_end_that_breaks_the_protocol_and_goes_on_with_the_next(Misdeed misdeed, string request)
    {
        FrontEndRequest when = Enum.Parse<FrontEndRequest>(request);
        FakeBackEnd bad = _backEnds.Start(new FakeBackEnd(_path) { Intercept = Doing(misdeed, when) });
        using var harness = new DriverHarness(new PlainDevice("plain", Options(PatienceFor(misdeed)), _host), _host);
        harness.Start();
        if (when == FrontEndRequest.GetVringBase)
        {
            Call(harness);
            var watch = Stopwatch.StartNew();
            Assert.Equal(new QueueState(1, 1), harness.Queues[1].Stop());
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
            harness.Queues[1].Start();
        }

        harness.WaitFor(() => _host.MockLog.Lines.Any(line => line.StartsWith("warn", StringComparison.Ordinal)), "the warning");
        bad.Dispose();
        _backEnds.Start(new FakeBackEnd(_path) { Persists = true });
        Call(harness);
        Call(harness);
        Assert.Empty(harness.Transport.ResetReasons);
        Assert.Empty(_host.Failures);
        Assert.Contains(_path, Assert.Single(_host.MockLog.Lines, line => line.StartsWith("warn", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_35_bytes_that_nobody_asked_for_end_the_connection()
    {
        FakeBackEnd bad = _backEnds.Start(new FakeBackEnd(_path));
        using var harness = new DriverHarness(new PlainDevice("plain", Options(DriverHarness.Deadline), _host), _host);
        harness.Start();
        Call(harness);
        bad.Reply(1, ReplyFlags, new byte[8]);
        harness.WaitFor(() => _host.MockLog.Lines.Any(line => line.Contains("sent 20 bytes that nobody asked for", StringComparison.Ordinal)), "the warning");
        bad.Dispose();
        _backEnds.Start(new FakeBackEnd(_path) { Persists = true });
        Call(harness);
    }

    [Theory]
    [InlineData(MessageHeader.Version | MessageHeader.Reply, 0, 0, "sent a reply")]
    [InlineData(MessageHeader.Version, -1, 0, "4294967295 bytes")]
    [InlineData(0u, 0, 0, "another version")]
    [InlineData(MessageHeader.Version, 0, 2, "sent 2 descriptors")]
    [InlineData(MessageHeader.Version, 0, 20, "sent 20 descriptors")]
    [InlineData(MessageHeader.Version, 64, 0, "did not answer within 1 s")]
    public void Hostile_35_a_bad_message_on_the_back_channel_ends_the_connection(uint flags, int size, int descriptors, string says)
    {
        TimeSpan patience = size == 64 ? TimeSpan.FromSeconds(1) : DriverHarness.Deadline;
        FakeBackEnd bad = _backEnds.Start(Configured());
        using var harness = new DriverHarness(new PlainDevice("plain", Options(patience, configLength: 8), _host), _host);
        harness.Start();
        Call(harness);
        SendOnBackChannel(bad, (uint)BackEndRequest.ConfigChange, flags, size, descriptors);
        harness.WaitFor(() => _host.MockLog.Lines.Any(line => line.Contains(says, StringComparison.Ordinal)), says);
        bad.Dispose();
        _backEnds.Start(Configured());
        Call(harness);
        Assert.Equal(0, harness.Transport.ConfigChanges);
    }

    [Fact]
    public void Hostile_35_a_request_that_is_not_known_is_refused_and_harms_nothing()
    {
        FakeBackEnd backEnd = _backEnds.Start(Configured());
        using var harness = new DriverHarness(new PlainDevice("plain", Options(DriverHarness.Deadline, configLength: 8), _host), _host);
        harness.Start();
        Call(harness);
        SendOnBackChannel(backEnd, 77, MessageHeader.Version | MessageHeader.NeedReply, 0, 0);
        byte[] answer = new byte[64];
        List<Plugvisor.Linux.Files.FileDescriptor>? none = null;
        int count = 0;
        harness.WaitFor(() => (count = backEnd.BackChannel!.TryReceive(answer, ref none)) > 0, "the answer");
        Assert.Equal(20, count);
        Assert.Equal(new MessageHeader(77, ReplyFlags, 8), MessageHeader.Read(answer));
        Assert.NotEqual(0, answer[12]);
        Call(harness);
        Assert.DoesNotContain(_host.MockLog.Lines, line => line.StartsWith("warn", StringComparison.Ordinal));
    }

    [Fact]
    public void Hostile_35_descriptors_that_come_uncalled_for_are_all_closed()
    {
        const int rounds = 30;
        int before = ProcessResources.OpenDescriptors;
        for (int i = 0; i < rounds; i++)
        {
            Misdeed misdeed = i % 2 == 0 ? Misdeed.OneDescriptor : Misdeed.ManyDescriptors;
            using FakeBackEnd bad = _backEnds.Start(new FakeBackEnd(_path) { Intercept = Doing(misdeed, FrontEndRequest.GetProtocolFeatures) });
            Assert.Throws<DeviceException>(() => new PlainDevice("plain", Options(DriverHarness.Deadline), _host));
        }

        // 150 came. Other tests run beside this one and open some for a while; a leak stays.
        Assert.True(ProcessResources.DescriptorsFallTo(before + 99), "descriptors are left open");
    }

    [Fact]
    public void Hostile_35_a_device_whose_back_end_does_not_answer_can_be_disposed_at_once()
    {
        _backEnds.Start(new FakeBackEnd(_path) { Intercept = Doing(Misdeed.Silence, FrontEndRequest.SetMemTable) });
        var options = new VhostUserOptions
        {
            SocketPath = _path, DeviceType = 26, QueueSizes = [64, 64], ConnectPatience = DriverHarness.Deadline, RequestPatience = TimeSpan.FromMinutes(10),
        };
        var device = new PlainDevice("plain", options, _host);
        using var transport = new MockTransport();
        device.Activate(device.Traits.Features, transport);
        var watch = Stopwatch.StartNew();
        device.Dispose();
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Assert.All(_host.Threads, thread => Assert.False(thread.IsAlive));
    }

    private static Func<FrontEndRequest, FakeBackEnd, bool> Doing(Misdeed misdeed, FrontEndRequest when) => (request, backEnd) =>
    {
        if (request != when) return false;
        uint id = (uint)request;
        switch (misdeed)
        {
            case Misdeed.WrongSize: backEnd.Reply(id, ReplyFlags, new byte[16]); break;
            case Misdeed.NoPayload: backEnd.Reply(id, ReplyFlags, []); break;
            case Misdeed.WrongRequest: backEnd.Reply(99, ReplyFlags, new byte[8]); break;
            case Misdeed.NotAReply: backEnd.Reply(id, MessageHeader.Version, new byte[8]); break;
            case Misdeed.WrongVersion: backEnd.Reply(id, 2 | MessageHeader.Reply, new byte[8]); break;
            case Misdeed.HugeSize: backEnd.Reply(id, ReplyFlags, new byte[8], size: -1); break;
            case Misdeed.EndInTheMiddle:
                backEnd.Reply(id, ReplyFlags, new byte[2], size: 8);
                backEnd.Stream.Abort();
                break;
            case Misdeed.End: backEnd.Stream.Abort(); break;
            case Misdeed.HalfAMessage: backEnd.Reply(id, ReplyFlags, new byte[2], size: 8); break;
            case Misdeed.OneDescriptor: WithDescriptors(1); break;
            case Misdeed.ManyDescriptors: WithDescriptors(9); break;
            case Misdeed.DescriptorsBeforeTheEnd: WithDescriptors(9, size: 4096); break;
            case Misdeed.Refusal: backEnd.ReplyNumber(request, 1); break;
        }

        return true;

        void WithDescriptors(int count, int size = 8)
        {
            using MemFd memory = MemFd.Create("uncalled-for", 4096);
            int[] descriptors = new int[count];
            Array.Fill(descriptors, memory.Descriptor);
            backEnd.Reply(id, ReplyFlags, new byte[8], size, descriptors);
        }
    };

    private static void SendOnBackChannel(FakeBackEnd backEnd, uint request, uint flags, int size, int descriptors)
    {
        byte[] message = new byte[MessageHeader.Length];
        new MessageHeader(request, flags, size).Write(message);
        using MemFd memory = MemFd.Create("uncalled-for", 4096);
        int[] all = new int[descriptors];
        Array.Fill(all, memory.Descriptor);
        _ = backEnd.BackChannel!.TrySend(message, all);
    }

    private FakeBackEnd Configured() => new(_path)
    {
        Config = new byte[8],
        Persists = true,
        Protocol = ProtocolFeatures.ReplyAck | ProtocolFeatures.Config | ProtocolFeatures.BackEndRequests,
    };

    /// <summary>Short only where nothing will come: a good back end may be late on a busy machine.</summary>
    private static TimeSpan PatienceFor(Misdeed misdeed) =>
        misdeed is Misdeed.Silence or Misdeed.HalfAMessage ? TimeSpan.FromSeconds(1) : DriverHarness.Deadline;

    private VhostUserOptions Options(TimeSpan patience, int configLength = 0) => new()
    {
        SocketPath = _path,
        DeviceType = 26,
        QueueSizes = [64, 64],
        ConfigLength = configLength,
        HasConfigFromBackEnd = configLength > 0,
        ConnectPatience = DriverHarness.Deadline,
        RequestPatience = patience,
        StopPatience = patience,
        RetryPause = TimeSpan.FromMilliseconds(20),
    };

    private void Call(DriverHarness harness) => Assert.Equal(512u, harness.Queues[1].Call(DriverBuffer.Writable(_buffer, 512)));
}
