using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Limits;
using Plugvisor.Linux.Sockets;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.Workers;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// Connects streams of the guest with Unix sockets of the host: port P of the host is the socket <c>PATH_P</c>, and who connects to <c>PATH</c> says
/// which port of the guest it wants. Bytes go straight between the guest's buffers and the sockets; what a socket does not take waits in a
/// buffer of its connection, as long as the credit that the guest was given. Used by the device's thread, or while that does not run.
/// </summary>
internal sealed partial class Muxer : IDisposable
{
    /// <summary>As many connections as other VMMs have.</summary>
    public const int MaxConnections = 1023;

    private const int EAGAIN = 11;
    private const int AcceptedAtOnce = 64;
    private const int SpareDescriptors = 64;
    private const ulong ListenerToken = ulong.MaxValue;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_greeting = TimeSpan.FromSeconds(10), s_request = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(8);     // as long as Linux waits after a close
    private static readonly TimeSpan s_lingering = TimeSpan.FromSeconds(60);

    private readonly uint _cid;
    private readonly string _path;
    private readonly UnixListener _listener;
    private readonly Metrics _metrics;
    private readonly IDeviceLog _log;
    private readonly TimeProvider _clock;
    private readonly Epoll _epoll = new();
    private readonly ConnectionTable _table = new(MaxConnections);
    private readonly ResetQueue _resets = new();
    private readonly long _descriptorLimit;
    private bool _mayAccept = true, _acceptsLater;
    private long _nextSweep;

    /// <summary>Makes it.</summary>
    /// <param name="cid">The guest's address.</param>
    /// <param name="path">Where the host's programs connect to, and the start of the sockets' paths that the guest connects to.</param>
    /// <param name="listener">Listens there; the caller's.</param>
    /// <param name="host">Clock, counters and log.</param>
    public Muxer(uint cid, string path, UnixListener listener, IDeviceHost host)
    {
        _cid = cid;
        _path = path;
        _listener = listener;
        _metrics = new Metrics(host.Counters);
        _log = host.Log;
        _clock = host.Clock;
        // The runtime does not survive the last descriptor, and the kernel gives the lowest number that is free: so a high number says that few are left.
        _descriptorLimit = DescriptorLimit.Current - SpareDescriptors;
        host.Counters.AddGauge("open_connections", () => (ulong)_table.Count);
        _epoll.Set(listener.Descriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, ListenerToken);
    }

    /// <summary>Readable when <see cref="Look"/> will find something.</summary>
    public int EventDescriptor => _epoll.Descriptor;

    /// <summary>Whether there is something for the guest.</summary>
    public bool HasPackets => !_resets.IsEmpty || _table.AnyReady;

    /// <summary>Whether packets of the guest have to wait until it takes some.</summary>
    public bool IsCongested => _resets.IsFull;

    /// <summary>When to look again, beside when there is an event.</summary>
    public QueueWait NextLook =>
        _mayAccept ? QueueWait.None : _acceptsLater || _table.AnyTimed ? QueueWait.AtMost(s_look) : QueueWait.ForEvent;

    /// <summary>Forgets all connections; the host's programs see their end. The device's thread does not run.</summary>
    public void Reset()
    {
        _table.Clear();
        _resets.Clear();
    }

    /// <summary>Looks at the sockets and the clock.</summary>
    /// <returns>Whether something has come.</returns>
    public bool Look()
    {
        Span<EpollEvent> events = stackalloc EpollEvent[64];
        int count = _epoll.Wait(events, 0);
        for (int i = 0; i < count; i++)
        {
            if (events[i].Data == ListenerToken) _mayAccept = true;
            else if (_table.Find(events[i].Data) is { } connection) Happened(connection, events[i].Events);
        }

        if (_table.AnyTimed || _acceptsLater) Sweep();
        bool accepts = _mayAccept;
        if (accepts) Accept();
        return count > 0 || accepts;
    }

    /// <summary>Writes the next packet for the guest.</summary>
    /// <param name="writable">The guest's buffer.</param>
    /// <param name="room">Its bytes, at least a header.</param>
    /// <param name="data">As long as a chain can be, for the piece behind the header.</param>
    /// <returns>Bytes that were written; 0 when there is no packet after all.</returns>
    public uint NextPacket(ReadOnlySpan<IoSegment> writable, uint room, Span<IoSegment> data)
    {
        if (!_resets.IsEmpty)
        {
            _resets.Take().Write(writable);
            return Packet.Size;
        }

        while (_table.TakeReady() is { } connection)
        {
            uint written = NextPacket(connection, writable, room, data);
            _table.QueueIfReady(connection);
            if (written > 0) return written;
        }

        return 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _table.Clear();
        _epoll.Dispose();
    }

    private uint NextPacket(Connection connection, ReadOnlySpan<IoSegment> writable, uint room, Span<IoSegment> data)
    {
        if (TakePending(connection, PendingPackets.Reset))
        {
            Packet reset = connection.NewPacket(_cid, VsockSpec.VIRTIO_VSOCK_OP_RST);
            _table.Remove(connection);
            reset.Write(writable);
            return Packet.Size;
        }

        if (TakePending(connection, PendingPackets.Request)) return Control(connection, VsockSpec.VIRTIO_VSOCK_OP_REQUEST, writable);
        if (TakePending(connection, PendingPackets.Response)) return Control(connection, VsockSpec.VIRTIO_VSOCK_OP_RESPONSE, writable);
        if (connection.HasData)
        {
            uint most = connection.MostToRead(room - Packet.Size);
            // A buffer that has room for a header only: it gets one that is always right.
            if (most == 0) return Control(connection, VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, writable);
            uint done = connection.ReadHost(data, Packet.CutData(writable, most, data));
            if (done > 0)
            {
                Packet packet = connection.NewPacket(_cid, VsockSpec.VIRTIO_VSOCK_OP_RW);
                packet.Length = done;
                packet.Write(writable);
                _metrics.ToGuest.Add(done);
                return Packet.Size + done;
            }
        }

        if ((connection.HostShutdown & ~connection.ToldShutdown) != 0)
        {
            Packet packet = connection.NewPacket(_cid, VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN);
            packet.Flags = connection.ToldShutdown = connection.HostShutdown;
            if (connection.ToldShutdown == VsockSpec.ShutdownBoth) GiveUpAfter(connection, s_farewell);
            packet.Write(writable);
            return Packet.Size;
        }

        if (TakePending(connection, PendingPackets.CreditUpdate)) return Control(connection, VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE, writable);
        if (TakePending(connection, PendingPackets.CreditRequest)) return Control(connection, VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST, writable);
        return 0;
    }

    private uint Control(Connection connection, ushort operation, ReadOnlySpan<IoSegment> writable)
    {
        connection.NewPacket(_cid, operation).Write(writable);
        return Packet.Size;
    }

    private static bool TakePending(Connection connection, PendingPackets packet)
    {
        if ((connection.Pending & packet) == 0) return false;
        connection.Pending &= ~packet;
        return true;
    }

    private void GiveUpAfter(Connection connection, TimeSpan time) =>
        // Never 0, which would say never.
        _table.SetDeadline(connection, (_clock.GetTimestamp() + (long)(time.TotalSeconds * _clock.TimestampFrequency)) | 1);

    /// <summary>Ends a connection: the host's program sees it at once, the guest gets a RST when it has room.</summary>
    private void Kill(Connection connection)
    {
        _table.SetDeadline(connection, 0);
        connection.Close(_table.Spare);
        connection.State = ConnectionState.Dead;
        connection.Pending = PendingPackets.Reset;
        _table.QueueIfReady(connection);
    }

    private void Sweep()
    {
        long now = _clock.GetTimestamp();
        if (now - _nextSweep < 0) return;
        _nextSweep = now + (long)(s_look.TotalSeconds / 2 * _clock.TimestampFrequency);
        _mayAccept |= _acceptsLater;
        int slot = 0;
        while (_table.NextOverdue(now, ref slot) is { } connection)
        {
            if (connection.State is ConnectionState.Greeting or ConnectionState.Lingering) _table.Remove(connection);
            else Kill(connection);
        }
    }

    /// <summary>Whether a descriptor is so near the limit that the process should have no more.</summary>
    private bool IsTooHigh(UnixStream stream) => stream.Descriptor >= _descriptorLimit;

    private bool TryWatch(Connection connection)
    {
        try
        {
            _epoll.Set(connection.Stream!.Descriptor, EpollEvents.Readable | EpollEvents.Writable | EpollEvents.EdgeTriggered,
                ConnectionTable.Token(connection));
            return true;
        }
        catch (LinuxException e)
        {
            _log.GuestTriggered($"cannot watch one more connection: {e.Message}");
            return false;
        }
    }
}
