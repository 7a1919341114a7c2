using System.Buffers.Binary;
using System.Collections.Concurrent;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Memory;
using Plugvisor.Linux.Sockets;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Tests.Unit.VhostUser;

/// <summary>
/// A vhost-user back end in this process: one thread that listens, takes one front end, maps its memory and answers every chain by filling what can be
/// written. Like many real ones it ends when its front end goes. A test can make it misbehave.
/// </summary>
internal sealed unsafe class FakeBackEnd : IDisposable
{
    public const byte Filling = 0x5a;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly UnixListener _listener;
    private readonly EventFd _wake = new();
    private readonly Thread _thread;
    private readonly FakeRing[] _rings;
    private readonly List<MemoryMapping> _mappings = [];
    private readonly List<(ulong User, GuestRegion Region)> _regions = [];
    private readonly IoSegment[] _segments = new IoSegment[2048];
    private GuestMemory? _memory;
    private UnixStream? _stream;
    private readonly Lock _serving = new();
    private bool _serves = true;
    private volatile bool _exit;

    /// <summary>Listens and serves.</summary>
    public FakeBackEnd(string path, int queues = 2)
    {
        Path = path;
        _rings = new FakeRing[queues];
        for (int i = 0; i < queues; i++) _rings[i] = new FakeRing();
        File.Delete(path);
        _listener = UnixListener.Bind(path);
        _thread = new Thread(Run) { Name = "fake back end", IsBackground = true };
    }

    public string Path { get; }

    public ulong Features { get; init; } = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_VERSION_1) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX)
        | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC) | Session.ProtocolFeaturesBit;

    public ProtocolFeatures Protocol { get; init; } = ProtocolFeatures.MultipleQueues | ProtocolFeatures.ReplyAck;

    /// <summary>Config space, where the protocol feature is there.</summary>
    public byte[] Config { get; init; } = [];

    /// <summary>Takes another front end after one has gone; many real ones do not.</summary>
    public bool Persists { get; init; }

    /// <summary>Whether chains are taken; a ring that is not served keeps what is in it. Once it is false nothing is taken any more.</summary>
    public bool Serves
    {
        get
        {
            lock (_serving) return _serves;
        }
        set
        {
            lock (_serving) _serves = value;
        }
    }

    /// <summary>Takes a request out of the fake's hands: true when nothing more is to be done about it. Called on its thread.</summary>
    public Func<FrontEndRequest, FakeBackEnd, bool>? Intercept { get; set; }

    public ConcurrentQueue<FrontEndRequest> Requests { get; } = new();

    public ConcurrentQueue<(int Ring, uint Base)> Bases { get; } = new();

    public ConcurrentQueue<ulong> AckedFeatures { get; } = new();

    public ConcurrentQueue<byte[]> ConfigWrites { get; } = new();

    /// <summary>Descriptors of the memory for what is in flight that the front end gave: device and inode tell whether it is the same.</summary>
    public ConcurrentQueue<(ulong Size, ulong Inode)> Inflight { get; } = new();

    /// <summary>The front end's end, for tests that write to it what they like.</summary>
    public UnixStream Stream => _stream!;

    /// <summary>The back channel, once the front end gave one.</summary>
    public UnixStream? BackChannel { get; private set; }

    /// <summary>What went wrong here: a mistake of the test or of the front end.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Rings that are started.</summary>
    public int Running => _rings.Count(ring => ring.Kick is not null);

    /// <summary>The ring's call descriptor: where an interrupt is raised.</summary>
    public EventFd? CallOf(int ring) => _rings[ring].Call;

    public EventFd? ErrorOf(int ring) => _rings[ring].Error;

    public FakeBackEnd Start()
    {
        _thread.Start();
        return this;
    }

    /// <summary>The process dies: the kernel closes its sockets, and what it had taken stays in the rings.</summary>
    public void Dispose()
    {
        _exit = true;
        _wake.SignalUnlessClosed();
        if (_thread.IsAlive) _thread.Join();
        else Release();
    }

    /// <summary>Sends a reply as told.</summary>
    public void Reply(uint request, uint flags, ReadOnlySpan<byte> payload, int? size = null, ReadOnlySpan<int> descriptors = default)
    {
        byte[] message = new byte[MessageHeader.Length + payload.Length];
        new MessageHeader(request, flags, size ?? payload.Length).Write(message);
        payload.CopyTo(message.AsSpan(MessageHeader.Length));
        _ = _stream!.TrySend(message, descriptors);
    }

    public void ReplyNumber(FrontEndRequest request, ulong number)
    {
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, number);
        Reply((uint)request, MessageHeader.Version | MessageHeader.Reply, payload);
    }

    private void Run()
    {
        try
        {
            do
            {
                if (!Poll(_listener.Descriptor) || _listener.TryAccept(out _stream) != 0) return;
                try
                {
                    Talk();
                }
                catch (VhostUserException)
                {
                    // The front end has gone.
                }

                foreach (FakeRing ring in _rings) ring.Close();
            }
            while (Persists && !_exit);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Failure = e;   // a test fails of it, not the whole program
        }
        finally
        {
            Release();
        }
    }

    private void Talk()
    {
        using var socket = new MessageSocket(_stream!, _wake);
        while (!_exit)
        {
            FakeRing[] kicked = [.. _rings.Where(ring => ring.Kick is not null)];
            PollEntry[] all =
            [
                new(_wake.Descriptor, PollEvents.Readable), new(_stream!.Descriptor, PollEvents.Readable),
                .. kicked.Select(ring => new PollEntry(ring.Kick!.Descriptor, PollEvents.Readable)),
            ];
            DescriptorPoll.Wait(all, -1);
            if (_exit) return;
            for (int i = 0; i < kicked.Length; i++)
            {
                if (all[i + 2].Ready == PollEvents.None) continue;
                kicked[i].Kick!.Drain();
                Serve(kicked[i]);
            }

            if (all[1].Ready != PollEvents.None) Answer(socket);
        }
    }

    private bool Poll(int descriptor)
    {
        PollEntry[] entries = [new(_wake.Descriptor, PollEvents.Readable), new(descriptor, PollEvents.Readable)];
        DescriptorPoll.Wait(entries, -1);
        return !_exit;
    }

    private void Release()
    {
        _exit = true;
        _listener.Dispose();
        _stream?.Dispose();
        BackChannel?.Dispose();
        foreach (FakeRing ring in _rings) ring.Close();
        foreach (MemoryMapping mapping in _mappings) mapping.Dispose();
        _mappings.Clear();
        _wake.Dispose();
    }

    private void Serve(FakeRing ring)
    {
        if (ring.Queue is not { } queue) return;
        lock (_serving)
        {
            if (_serves) ServeAll(ring, queue);
        }
    }

    private void ServeAll(FakeRing ring, SplitVirtqueue queue)
    {
        do
        {
            queue.DisableDoorbell();
            while (queue.TryPop(_segments, out DescriptorChain chain) == PopStatus.Popped)
            {
                for (int i = 0; i < chain.Writable; i++) _segments[chain.Readable + i].Bytes.Fill(Filling);
                queue.AddUsed(chain.Head, chain.WritableBytes);
            }

            if (queue.Publish()) ring.Call?.Signal();
        }
        while (queue.EnableDoorbell());
    }

    private void Answer(MessageSocket socket)
    {
        MessageHeader header = socket.Receive(Deadline.After(s_patience), out List<FileDescriptor>? descriptors);
        byte[] payload = socket.Received(header).ToArray();
        var request = (FrontEndRequest)header.Request;
        Requests.Enqueue(request);
        bool answered = Intercept?.Invoke(request, this) ?? false;
        if (!answered) answered = Handle(request, payload, descriptors);
        foreach (FileDescriptor descriptor in descriptors ?? []) descriptor.Dispose();
        if (!answered && (header.Flags & MessageHeader.NeedReply) != 0) ReplyNumber(request, 0);
    }

    /// <returns>Whether it has answered.</returns>
    private bool Handle(FrontEndRequest request, byte[] payload, List<FileDescriptor>? descriptors)
    {
        const uint reply = MessageHeader.Version | MessageHeader.Reply;
        switch (request)
        {
            case FrontEndRequest.GetFeatures: ReplyNumber(request, Features); return true;
            case FrontEndRequest.GetProtocolFeatures: ReplyNumber(request, (ulong)Protocol); return true;
            case FrontEndRequest.GetQueueNum: ReplyNumber(request, (ulong)_rings.Length); return true;
            case FrontEndRequest.GetMaxMemSlots: ReplyNumber(request, 32); return true;
            case FrontEndRequest.SetProtocolFeatures: return false;
            case FrontEndRequest.SetFeatures: AckedFeatures.Enqueue(BinaryPrimitives.ReadUInt64LittleEndian(payload)); return false;
            case FrontEndRequest.SetBackendReqFd: BackChannel = UnixStream.Duplicate(descriptors![0]); return false;
            case FrontEndRequest.SetMemTable: Map(payload, descriptors!); return false;
            case FrontEndRequest.AddMemReg: Map(payload.AsSpan(8), descriptors![0]); return false;
            case FrontEndRequest.GetConfig:
                Config.CopyTo(payload.AsSpan(12));
                Reply((uint)request, reply, payload);
                return true;
            case FrontEndRequest.SetConfig: ConfigWrites.Enqueue(payload); return false;
            case FrontEndRequest.GetInflightFd:
                using (MemFd memory = MemFd.Create("inflight", 8192))
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(payload, 8192);
                    Reply((uint)request, reply, payload, descriptors: [memory.Descriptor]);
                }

                return true;
            case FrontEndRequest.SetInflightFd:
                Inflight.Enqueue((BinaryPrimitives.ReadUInt64LittleEndian(payload), InodeOf(descriptors![0])));
                return false;
            default: return HandleRing(request, payload, descriptors);
        }
    }

    private bool HandleRing(FrontEndRequest request, byte[] payload, List<FileDescriptor>? descriptors)
    {
        if (payload.Length < 8) return false;
        int index = payload[0];
        FakeRing ring = _rings[index];
        uint number = BinaryPrimitives.ReadUInt32LittleEndian(payload.AsSpan(4));
        switch (request)
        {
            case FrontEndRequest.SetVringNum: ring.Size = (int)number; break;
            case FrontEndRequest.SetVringBase:
                ring.Base = (ushort)number;
                Bases.Enqueue((index, number));
                break;
            case FrontEndRequest.SetVringAddr: ring.Make(_memory!, Guest(payload, 8), Guest(payload, 24), Guest(payload, 16), AckedFeatures.Last()); break;
            case FrontEndRequest.SetVringKick: ring.Kick = EventFd.Adopt(descriptors![0]); break;
            case FrontEndRequest.SetVringCall:
                ring.Call?.Dispose();
                ring.Call = descriptors is null ? null : EventFd.Adopt(descriptors[0]);
                break;
            case FrontEndRequest.SetVringErr:
                ring.Error?.Dispose();
                ring.Error = EventFd.Adopt(descriptors![0]);
                break;
            case FrontEndRequest.GetVringBase:
                BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(4), ring.Queue!.State.NextAvail);
                ring.Close();
                Reply((uint)request, MessageHeader.Version | MessageHeader.Reply, payload);
                return true;
        }

        return false;
    }

    private ulong Guest(byte[] payload, int offset)
    {
        ulong user = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(offset));
        foreach ((ulong start, GuestRegion region) in _regions)
        {
            if (user - start < region.Length) return user - start + region.GuestAddress;
        }

        return ulong.MaxValue;
    }

    private void Map(byte[] payload, List<FileDescriptor> descriptors)
    {
        _regions.Clear();
        for (int i = 0; i < descriptors.Count; i++) Map(payload.AsSpan(8 + i * 32), descriptors[i]);
    }

    private void Map(Span<byte> region, FileDescriptor descriptor)
    {
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(region[8..]), offset = BinaryPrimitives.ReadUInt64LittleEndian(region[24..]);
        MemoryMapping mapping = MemoryMapping.Map((nuint)size, MemoryMapping.ReadWrite, MemoryMapping.Shared, descriptor.Value, (long)offset, "fake");
        _mappings.Add(mapping);
        _regions.Add((BinaryPrimitives.ReadUInt64LittleEndian(region[16..]),
            new GuestRegion(BinaryPrimitives.ReadUInt64LittleEndian(region), (nuint)size, mapping.Address)));
        GuestRegion[] all = [.. _regions.Select(entry => entry.Region)];
        _memory = new GuestMemory(all);
    }

    private static ulong InodeOf(FileDescriptor descriptor) =>
        ulong.Parse(File.ReadAllLines($"/proc/self/fdinfo/{descriptor.Value}").First(line => line.StartsWith("ino:", StringComparison.Ordinal))[4..],
            System.Globalization.CultureInfo.InvariantCulture);

    private sealed class FakeRing : IQueueFault
    {
        public int Size { get; set; }

        public ushort Base { get; set; }

        public SplitVirtqueue? Queue { get; private set; }

        public EventFd? Kick { get; set; }

        public EventFd? Call { get; set; }

        public EventFd? Error { get; set; }

        public void Make(GuestMemory memory, ulong descriptors, ulong available, ulong used, ulong features)
        {
            memory.TryTranslate(used + 2, 2, out byte* usedIndex);
            Queue = SplitVirtqueue.TryCreate(memory, Size, descriptors, available, used, features, new QueueState(Base, *(ushort*)usedIndex), this,
                out SplitVirtqueue? queue, out string? error) ? queue : throw new InvalidOperationException(error);
        }

        public void OnFault(string reason) => Error?.Signal();

        public void Close()
        {
            Queue = null;
            Kick?.Dispose();
            Call?.Dispose();
            Error?.Dispose();
            Kick = Call = Error = null;
        }
    }
}
