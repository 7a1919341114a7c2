using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;
using Plugvisor.VhostUser.Protocol;

namespace Plugvisor.VhostUser.Sessions;

/// <summary>
/// A connection to a back end on which features of the protocol are agreed: one member a request, each within a deadline. One thread uses it.
/// Whatever goes wrong is a <see cref="VhostUserException"/>, after which it is to be disposed.
/// Section names are those of QEMU's docs/interop/vhost-user.rst.
/// </summary>
internal sealed partial class Session : IDisposable
{
    /// <summary>VHOST_USER_F_PROTOCOL_FEATURES (section "Communication"): a bit that no virtio device uses.</summary>
    public const ulong ProtocolFeaturesBit = 1UL << 30;

    /// <summary>The most regions that one memory table has (section "Memory regions description").</summary>
    public const int MaxTableRegions = 8;

    private const ulong NoDescriptor = 1 << 8;   // sections VHOST_USER_SET_VRING_KICK and _CALL
    private const int RegionSize = 32, VringStateSize = 8, VringAddrSize = 40, ConfigHeaderSize = 12, InflightSize = 20;

    private readonly MessageSocket _socket;
    private readonly EventFd _abort;
    private readonly TimeSpan _patience;

    private Session(UnixStream stream, EventFd abort, TimeSpan patience)
    {
        _socket = new MessageSocket(stream, abort);
        _abort = abort;
        _patience = patience;
    }

    /// <summary>Virtio feature bits of the back end, and <see cref="ProtocolFeaturesBit"/>.</summary>
    public ulong Features { get; private set; }

    /// <summary>What was agreed.</summary>
    public ProtocolFeatures Protocol { get; private set; }

    /// <summary>Queues that the back end can serve; what it does not say is no bound.</summary>
    public ulong MaxQueues { get; private set; } = ulong.MaxValue;

    /// <summary>Memory regions that the back end can take.</summary>
    public ulong MaxRegions { get; private set; } = MaxTableRegions;

    /// <summary>The back end's requests, or null when it has none.</summary>
    public BackChannel? BackChannel { get; private set; }

    /// <summary>Readable when the back end is gone, as nothing is expected on it between requests.</summary>
    public int Descriptor => _socket.Descriptor;

    private bool HasProtocol => (Features & ProtocolFeaturesBit) != 0;

    /// <summary>Agrees with a back end on the protocol. The stream belongs to the session, also when it fails.</summary>
    /// <param name="stream">Connected, not blocking.</param>
    /// <param name="abort">Once it is signalled whoever waits for an answer gets an exception.</param>
    /// <param name="wanted">What to use if the back end has it.</param>
    /// <param name="patience">How long all of it, and later each request, may take.</param>
    public static Session Open(UnixStream stream, EventFd abort, ProtocolFeatures wanted, TimeSpan patience)
    {
        var session = new Session(stream, abort, patience);
        try
        {
            session.Negotiate(wanted);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Goes on with a connection on which an earlier instance has agreed; no request may be under way.</summary>
    /// <param name="stream">The connection; it belongs to the session.</param>
    /// <param name="channel">Our end of the back channel, or null; likewise.</param>
    /// <param name="agreed">What was agreed.</param>
    /// <param name="abort">As that of <see cref="Open"/>.</param>
    /// <param name="patience">How long each request may take.</param>
    public static Session Continue(UnixStream stream, UnixStream? channel, in SessionTerms agreed, EventFd abort, TimeSpan patience) => new(stream, abort, patience)
    {
        Features = agreed.Features,
        Protocol = agreed.Protocol,
        MaxQueues = agreed.MaxQueues,
        MaxRegions = agreed.MaxRegions,
        BackChannel = channel is null ? null : new BackChannel(channel, abort, patience),
    };

    /// <summary>What was agreed, for <see cref="Continue"/>.</summary>
    public SessionTerms Terms => new(Features, Protocol, MaxQueues, MaxRegions);

    /// <summary>The connection, for a successor.</summary>
    public UnixStream Stream => _socket.Stream;

    /// <summary>Whether something was agreed.</summary>
    public bool Has(ProtocolFeatures feature) => (Protocol & feature) == feature;

    /// <summary>VHOST_USER_SET_FEATURES.</summary>
    public void SetFeatures(ulong features)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_socket.Payload, features | (Features & ProtocolFeaturesBit));
        Tell(FrontEndRequest.SetFeatures, sizeof(ulong));
    }

    /// <summary>VHOST_USER_SET_MEM_TABLE, and VHOST_USER_ADD_MEM_REG for what does not fit.</summary>
    public void SetMemory(ReadOnlySpan<GuestRegion> regions)
    {
        if ((ulong)regions.Length > MaxRegions)
            throw new VhostUserException($"takes {MaxRegions} memory regions, and the guest has {regions.Length}");
        int first = Math.Min(regions.Length, MaxTableRegions);
        Span<byte> payload = _socket.Payload;
        Span<int> descriptors = stackalloc int[first];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)first);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], 0);
        for (int i = 0; i < first; i++)
        {
            WriteRegion(payload[(8 + i * RegionSize)..], regions[i]);
            descriptors[i] = regions[i].BackingFd;
        }

        Tell(FrontEndRequest.SetMemTable, 8 + first * RegionSize, descriptors, acknowledged: true);
        for (int i = first; i < regions.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(payload, 0);
            WriteRegion(payload[8..], regions[i]);
            Tell(FrontEndRequest.AddMemReg, 8 + RegionSize, [regions[i].BackingFd], acknowledged: true);
        }
    }

    /// <summary>VHOST_USER_SET_VRING_NUM, _BASE and _ADDR.</summary>
    /// <param name="index">The ring.</param>
    /// <param name="size">Its entries.</param>
    /// <param name="nextAvail">The first available entry that was not used.</param>
    /// <param name="descriptors">Address of the descriptor table in this process, as those that follow.</param>
    /// <param name="available">Of the available ring.</param>
    /// <param name="used">Of the used ring.</param>
    public void SetRing(int index, int size, ushort nextAvail, ulong descriptors, ulong available, ulong used)
    {
        SetVringState(FrontEndRequest.SetVringNum, index, (uint)size);
        SetVringState(FrontEndRequest.SetVringBase, index, nextAvail);
        Span<byte> payload = _socket.Payload;
        payload[..VringAddrSize].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)index);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], descriptors);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], used);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[24..], available);
        // Acknowledged, because this is where a back end finds out that it cannot reach the guest's memory.
        Tell(FrontEndRequest.SetVringAddr, VringAddrSize, acknowledged: true);
    }

    /// <summary>VHOST_USER_SET_VRING_CALL.</summary>
    public void SetCall(int index, int? descriptor) => SetVringDescriptor(FrontEndRequest.SetVringCall, index, descriptor);

    /// <summary>VHOST_USER_SET_VRING_ERR.</summary>
    public void SetError(int index, int? descriptor) => SetVringDescriptor(FrontEndRequest.SetVringErr, index, descriptor);

    /// <summary>VHOST_USER_SET_VRING_KICK and _ENABLE: the ring runs from here on (section "Ring states").</summary>
    public void StartRing(int index, int kick)
    {
        SetVringDescriptor(FrontEndRequest.SetVringKick, index, kick);
        // Without protocol features a ring is enabled from the start.
        if (HasProtocol) SetVringState(FrontEndRequest.SetVringEnable, index, 1, acknowledged: true);
    }

    /// <summary>VHOST_USER_GET_VRING_BASE: stops the ring.</summary>
    /// <param name="index">The ring.</param>
    /// <param name="patience">How long it may take: the back end finishes what is in flight.</param>
    /// <returns>The next available entry that the back end would have taken.</returns>
    public ushort StopRing(int index, TimeSpan patience)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_socket.Payload, (uint)index);
        BinaryPrimitives.WriteUInt32LittleEndian(_socket.Payload[4..], 0);
        ReadOnlySpan<byte> reply = Ask(FrontEndRequest.GetVringBase, VringStateSize, VringStateSize, Deadline.After(patience));
        uint ring = BinaryPrimitives.ReadUInt32LittleEndian(reply), state = BinaryPrimitives.ReadUInt32LittleEndian(reply[4..]);
        if (ring != (uint)index) throw new VhostUserException($"answered for ring {ring} when asked for ring {index}");
        return state <= ushort.MaxValue ? (ushort)state : throw new VhostUserException($"says that ring {index} stands at {state}, beyond every index");
    }

    /// <summary>VHOST_USER_GET_CONFIG.</summary>
    public void ReadConfig(Span<byte> destination)
    {
        Span<byte> payload = _socket.Payload;
        int size = ConfigHeaderSize + destination.Length;
        payload[..size].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(payload[4..], destination.Length);
        ReadOnlySpan<byte> reply = Ask(FrontEndRequest.GetConfig, size, size, Deadline.After(_patience));
        if (BinaryPrimitives.ReadUInt32LittleEndian(reply) != 0 || BinaryPrimitives.ReadInt32LittleEndian(reply[4..]) != destination.Length)
            throw new VhostUserException("answered another part of its config space than it was asked for");
        reply[ConfigHeaderSize..].CopyTo(destination);
    }

    /// <summary>VHOST_USER_SET_CONFIG, for what a driver wrote.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        Span<byte> payload = _socket.Payload;
        BinaryPrimitives.WriteInt32LittleEndian(payload, offset);
        BinaryPrimitives.WriteInt32LittleEndian(payload[4..], source.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[8..], 0);
        source.CopyTo(payload[ConfigHeaderSize..]);
        Tell(FrontEndRequest.SetConfig, ConfigHeaderSize + source.Length);
    }

    /// <summary>VHOST_USER_GET_INFLIGHT_FD: memory that the back end made for what is in flight.</summary>
    public InflightMemory GetInflight(int queues, int queueSize)
    {
        WriteInflight(0, 0, queues, queueSize);
        ReadOnlySpan<byte> reply = Ask(FrontEndRequest.GetInflightFd, InflightSize, InflightSize, Deadline.After(_patience), out List<FileDescriptor>? descriptors);
        if (descriptors is not [{ } memory])
        {
            Close(descriptors);
            throw new VhostUserException($"sent {descriptors?.Count ?? 0} descriptors for what is in flight, and not one");
        }

        return new InflightMemory(memory, BinaryPrimitives.ReadUInt64LittleEndian(reply), BinaryPrimitives.ReadUInt64LittleEndian(reply[8..]));
    }

    /// <summary>VHOST_USER_SET_INFLIGHT_FD.</summary>
    public void SetInflight(InflightMemory inflight, int queues, int queueSize)
    {
        WriteInflight(inflight.Size, inflight.Offset, queues, queueSize);
        Tell(FrontEndRequest.SetInflightFd, InflightSize, [inflight.Memory.Value], acknowledged: true);
    }

    /// <summary>VHOST_USER_RESET_DEVICE. Only where it was agreed.</summary>
    public void ResetDevice() => Tell(FrontEndRequest.ResetDevice, 0, acknowledged: true);

    /// <summary>Looks what it means that <see cref="Descriptor"/> is ready.</summary>
    public void CheckQuiet() => _socket.CheckQuiet();

    /// <inheritdoc/>
    public void Dispose()
    {
        BackChannel?.Dispose();
        _socket.Dispose();
    }

    private static void WriteRegion(Span<byte> payload, in GuestRegion region)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(payload, region.GuestAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], region.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], (ulong)region.HostAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[24..], region.BackingOffset);
    }

    private void Negotiate(ProtocolFeatures wanted)
    {
        Deadline deadline = Deadline.After(_patience);
        Send(FrontEndRequest.SetOwner, 0, default, 0, deadline);
        Features = AskNumber(FrontEndRequest.GetFeatures, deadline);
        if (!HasProtocol) return;
        ProtocolFeatures agreed = (ProtocolFeatures)AskNumber(FrontEndRequest.GetProtocolFeatures, deadline) & wanted;
        BinaryPrimitives.WriteUInt64LittleEndian(_socket.Payload, (ulong)agreed);
        Send(FrontEndRequest.SetProtocolFeatures, sizeof(ulong), default, 0, deadline);
        Protocol = agreed;
        if (Has(ProtocolFeatures.MultipleQueues)) MaxQueues = AskNumber(FrontEndRequest.GetQueueNum, deadline);
        if (Has(ProtocolFeatures.MemorySlots)) MaxRegions = AskNumber(FrontEndRequest.GetMaxMemSlots, deadline);
        if (!Has(ProtocolFeatures.BackEndRequests)) return;
        BackChannel = BackChannel.Open(_abort, _patience, out UnixStream theirs);
        using (theirs) Tell(FrontEndRequest.SetBackendReqFd, 0, [theirs.Descriptor], acknowledged: true);
    }

    private void WriteInflight(ulong size, ulong offset, int queues, int queueSize)
    {
        Span<byte> payload = _socket.Payload;
        BinaryPrimitives.WriteUInt64LittleEndian(payload, size);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], offset);
        BinaryPrimitives.WriteUInt16LittleEndian(payload[16..], (ushort)queues);
        BinaryPrimitives.WriteUInt16LittleEndian(payload[18..], (ushort)queueSize);
    }

    private void SetVringState(FrontEndRequest request, int index, uint number, bool acknowledged = false)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_socket.Payload, (uint)index);
        BinaryPrimitives.WriteUInt32LittleEndian(_socket.Payload[4..], number);
        Tell(request, VringStateSize, acknowledged: acknowledged);
    }

    private void SetVringDescriptor(FrontEndRequest request, int index, int? descriptor)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_socket.Payload, (uint)index | (descriptor is null ? NoDescriptor : 0));
        if (descriptor is { } value) Tell(request, sizeof(ulong), [value]);
        else Tell(request, sizeof(ulong));
    }
}
