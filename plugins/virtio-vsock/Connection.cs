using Plugvisor.Linux.Sockets;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// One stream: its socket of the host, where it stands, and the credit of both directions (virtio 1.2 section 5.10.6.3). A slot that is used again
/// and again. Only the device's thread uses it.
/// </summary>
internal sealed class Connection
{
    /// <summary>
    /// What the guest may send ahead of what the host's program takes. The buffer exists only while that program lags behind.
    /// </summary>
    public const int BufferSize = 64 << 10;

    private const int EAGAIN = 11;

    private byte[]? _held;                 // what the host has not taken yet
    private int _start, _count;
    private uint _received, _forwarded;    // from the guest; modulo 2^32, as all of these
    private uint _toldForwarded;           // what the guest knows of
    private uint _sent;                    // to the guest
    private uint _guestBuffer, _guestForwarded;
    private bool _askedForCredit;

    /// <summary>A free slot.</summary>
    public Connection(int slot) => Slot = slot;

    /// <summary>Its number.</summary>
    public int Slot { get; }

    /// <summary>Grows with each use, so that a late event of an earlier use is told apart.</summary>
    public uint Use { get; private set; }

    /// <summary>Where it stands.</summary>
    public ConnectionState State { get; set; }

    /// <summary>The host's end, while it is open.</summary>
    public UnixStream? Stream { get; private set; }

    /// <summary>The guest's port.</summary>
    public uint GuestPort { get; set; }

    /// <summary>The host's port.</summary>
    public uint HostPort { get; set; }

    /// <summary>What has to be told to the guest.</summary>
    public PendingPackets Pending { get; set; }

    /// <summary>The socket may have something to read; cleared by a read that finds nothing.</summary>
    public bool CanRead { get; set; }

    /// <summary>The socket may have room; cleared by a write that finds none.</summary>
    public bool CanWrite { get; set; }

    /// <summary>The host will not send any more.</summary>
    public bool HostEnded { get; private set; }

    /// <summary>The host will not receive any more.</summary>
    public bool HostGone { get; private set; }

    /// <summary>What the guest said that it will not do any more: flags of SHUTDOWN.</summary>
    public uint GuestShutdown { get; set; }

    /// <summary>What the guest was told that the host will not do any more.</summary>
    public uint ToldShutdown { get; set; }

    /// <summary>When it is given up, as a timestamp; 0 for never.</summary>
    public long Deadline { get; set; }

    /// <summary>Bytes that wait for the host's program.</summary>
    public int Held => _count;

    /// <summary>The next one with the same hash.</summary>
    public Connection? NextInBucket { get; set; }

    /// <summary>The next one that has something for the guest.</summary>
    public Connection? NextReady { get; set; }

    /// <summary>Whether it is in the queue of those that have something for the guest.</summary>
    public bool IsQueued { get; set; }

    /// <summary>What a client has said before it was connected.</summary>
    public Greeting Greeting { get; } = new();

    /// <summary>What the host will not do any more, as flags of SHUTDOWN. The end of sending is told behind the last byte.</summary>
    public uint HostShutdown =>
        (HostEnded ? VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND : 0) | (HostGone ? VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE : 0);

    /// <summary>Whether bytes of the host can go to the guest, as far as is known.</summary>
    public bool HasData => CanRead && ReadsHost && Credit > 0;

    /// <summary>Whether anything can be told to the guest now.</summary>
    public bool HasSomething => State switch
    {
        ConnectionState.Established => Pending != 0 || HasData || (HostShutdown & ~ToldShutdown) != 0,
        ConnectionState.Requested or ConnectionState.Dead => Pending != 0,
        _ => false,
    };

    private bool ReadsHost =>
        State == ConnectionState.Established && !HostEnded && (GuestShutdown & VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) == 0;

    /// <summary>Bytes that the guest has room for. A guest that claims to have passed on more than it got has none.</summary>
    private uint Credit
    {
        get
        {
            uint underWay = _sent - _guestForwarded;
            return underWay < _guestBuffer ? _guestBuffer - underWay : 0;
        }
    }

    /// <summary>Begins a use of the slot.</summary>
    /// <param name="state">Where it begins.</param>
    /// <param name="stream">The host's end; null for one that is dead.</param>
    public void Open(ConnectionState state, UnixStream? stream)
    {
        Use++;
        State = state;
        Stream = stream;
        Pending = PendingPackets.None;
        // Whatever is the case, the first try finds out.
        CanRead = CanWrite = stream is not null;
        HostEnded = HostGone = _askedForCredit = false;
        GuestShutdown = ToldShutdown = 0;
        _start = _count = 0;
        _received = _forwarded = _toldForwarded = _sent = _guestBuffer = _guestForwarded = 0;
        GuestPort = HostPort = 0;
        Deadline = 0;
        Greeting.Clear();
    }

    /// <summary>Closes the host's end. What was held for it is lost.</summary>
    /// <param name="spare">Takes the buffer, if there is one.</param>
    public void Close(Stack<byte[]> spare)
    {
        Stream?.Dispose();
        Stream = null;
        CanRead = CanWrite = false;
        _start = _count = 0;
        Release(spare);
    }

    /// <summary>Takes the guest's side of the credit, which every packet of a connection carries.</summary>
    public void TakeCredit(in Packet packet)
    {
        _guestBuffer = packet.BufferSize;
        _guestForwarded = packet.Forwarded;
        if (Credit > 0) _askedForCredit = false;
        AskForCredit();
    }

    /// <summary>Asks the guest for credit where that is what bytes of the host wait for. Once each time: the guest owes an update then.</summary>
    public void AskForCredit()
    {
        if (_askedForCredit || Credit > 0 || !CanRead || !ReadsHost) return;
        _askedForCredit = true;
        Pending |= PendingPackets.CreditRequest;
    }

    /// <summary>The socket says that both directions are over. What was sent before can still be read.</summary>
    public void HangUp()
    {
        HostGone = true;
        if (!ReadsHost && State == ConnectionState.Established) HostEnded = true;
    }

    /// <summary>A header with what the guest is told about this connection in every packet.</summary>
    public Packet NewPacket(uint cid, ushort operation)
    {
        _toldForwarded = _forwarded;
        Pending &= ~PendingPackets.CreditUpdate;
        return new Packet
        {
            SourceCid = VsockSpec.HostCid, DestinationCid = cid, SourcePort = HostPort, DestinationPort = GuestPort,
            Type = VsockSpec.VIRTIO_VSOCK_TYPE_STREAM, Operation = operation, BufferSize = BufferSize, Forwarded = _forwarded,
        };
    }

    /// <summary>Reads from the host into buffers of the guest, as much as the guest's credit and the buffers allow.</summary>
    /// <param name="segments">The buffers.</param>
    /// <param name="count">How many segments.</param>
    /// <returns>Bytes; 0 when there are none or no more: see <see cref="CanRead"/>, <see cref="HostEnded"/>.</returns>
    public unsafe uint ReadHost(ReadOnlySpan<IoSegment> segments, int count)
    {
        int done;
        // SAFETY: checked segments, laid out as struct iovec.
        fixed (IoSegment* first = segments) done = Stream!.TryReceive(first, count);
        if (done > 0)
        {
            _sent += (uint)done;
            AskForCredit();
            return (uint)done;
        }

        CanRead = false;
        if (done == -EAGAIN) return 0;
        HostEnded = true;
        if (done < 0) HostGone = true;
        return 0;
    }

    /// <summary>The most that <see cref="ReadHost"/> may read for one packet.</summary>
    public uint MostToRead(uint room) => Math.Min(Math.Min(room, Credit), BufferSize);

    /// <summary>Takes bytes that the guest sent: to the host if it takes them at once, else into the buffer.</summary>
    /// <param name="segments">Where they are.</param>
    /// <param name="count">How many segments.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="spare">Buffers that nobody uses.</param>
    /// <returns>False when the guest sent more than it was allowed to.</returns>
    public unsafe bool TakeFromGuest(ReadOnlySpan<IoSegment> segments, int count, uint length, Stack<byte[]> spare)
    {
        if (length > BufferSize - (_received - _forwarded)) return false;
        _received += length;
        uint passed = 0;
        if (_count == 0 && CanWrite && !HostGone && length > 0)
        {
            // SAFETY: checked segments, laid out as struct iovec.
            fixed (IoSegment* first = segments) passed = Passed(Stream!.TrySend(first, count));
        }

        if (HostGone)
        {
            Forward(length);
            return true;
        }

        if (passed < length) Hold(segments, passed, length - passed, spare);
        Forward(passed);
        return true;
    }

    /// <summary>Writes to the host what is held for it.</summary>
    /// <param name="spare">Takes the buffer when it is empty.</param>
    public unsafe void Flush(Stack<byte[]> spare)
    {
        while (_count > 0 && CanWrite && !HostGone)
        {
            uint passed;
            // SAFETY: a part of the array.
            fixed (byte* first = &_held![_start])
            {
                var vector = new IoSegment(first, (nuint)_count);
                passed = Passed(Stream!.TrySend(&vector, 1));
            }

            _start += (int)passed;
            _count -= (int)passed;
            Forward(passed);
        }

        if (HostGone && _count > 0)
        {
            Forward((uint)_count);
            _count = 0;
        }

        if (_count == 0) Release(spare);
    }

    /// <summary>Writes where it stands, but for its socket.</summary>
    public void Save(BinaryWriter to)
    {
        to.Write((byte)State);
        to.Write(GuestPort);
        to.Write(HostPort);
        to.Write((byte)Pending);
        to.Write((byte)GuestShutdown);
        to.Write((byte)ToldShutdown);
        to.Write(HostEnded);
        to.Write(HostGone);
        to.Write(_askedForCredit);
        foreach (uint counter in (ReadOnlySpan<uint>)[_received, _forwarded, _toldForwarded, _sent, _guestBuffer, _guestForwarded]) to.Write(counter);
        to.Write(_count);
        if (_count > 0) to.Write(_held!, _start, _count);
        Greeting.Save(to);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, but for state and ports, into a connection that was just opened.</summary>
    public void Restore(BinaryReader from)
    {
        Pending = (PendingPackets)from.ReadByte();
        GuestShutdown = from.ReadByte() & VsockSpec.ShutdownBoth;
        ToldShutdown = from.ReadByte() & VsockSpec.ShutdownBoth;
        HostEnded = from.ReadBoolean();
        HostGone = from.ReadBoolean();
        _askedForCredit = from.ReadBoolean();
        _received = from.ReadUInt32();
        _forwarded = from.ReadUInt32();
        _toldForwarded = from.ReadUInt32();
        _sent = from.ReadUInt32();
        _guestBuffer = from.ReadUInt32();
        _guestForwarded = from.ReadUInt32();
        int count = from.ReadInt32();
        if (count is < 0 or > BufferSize) throw new InvalidDataException($"a connection holds {count} bytes");
        if (count > 0)
        {
            _held = new byte[BufferSize];
            from.BaseStream.ReadExactly(_held, 0, count);
            _count = count;
        }

        Greeting.Restore(from);
    }

    private uint Passed(int result)
    {
        if (result >= 0) return (uint)result;
        CanWrite = false;
        if (result != -EAGAIN) HostGone = true;
        return 0;
    }

    private void Forward(uint count)
    {
        _forwarded += count;
        // Half of the window at a time: so the guest need not wait, and is not told of every packet.
        if (_forwarded - _toldForwarded >= BufferSize / 2) Pending |= PendingPackets.CreditUpdate;
    }

    private void Hold(ReadOnlySpan<IoSegment> segments, uint skip, uint length, Stack<byte[]> spare)
    {
        _held ??= spare.Count > 0 ? spare.Pop() : new byte[BufferSize];
        if (_start + _count + length > BufferSize)
        {
            _held.AsSpan(_start, _count).CopyTo(_held);
            _start = 0;
        }

        Span<byte> target = _held.AsSpan(_start + _count, (int)length);
        foreach (ref readonly IoSegment segment in segments)
        {
            ReadOnlySpan<byte> source = segment.Bytes;
            if (skip >= source.Length)
            {
                skip -= (uint)source.Length;
                continue;
            }

            source = source[(int)skip..];
            skip = 0;
            if (source.Length > target.Length) source = source[..target.Length];
            source.CopyTo(target);
            target = target[source.Length..];
            if (target.IsEmpty) break;
        }

        _count += (int)length;
    }

    private void Release(Stack<byte[]> spare)
    {
        _start = 0;
        if (_held is null) return;
        if (spare.Count < SpareBuffers) spare.Push(_held);
        _held = null;
    }

    /// <summary>Buffers that are kept for the next one that lags.</summary>
    private const int SpareBuffers = 16;
}
