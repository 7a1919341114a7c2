using System.Globalization;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioVsock;

/// <content>What the guest sends.</content>
internal sealed partial class Muxer
{
    /// <summary>Takes a packet of the guest. There is room for an answer (<see cref="IsCongested"/>).</summary>
    /// <param name="packet">A copy of its header.</param>
    /// <param name="readable">The whole packet.</param>
    /// <param name="available">Bytes behind the header.</param>
    /// <param name="data">As long as a chain can be, for the piece behind the header.</param>
    public void Take(in Packet packet, ReadOnlySpan<IoSegment> readable, uint available, Span<IoSegment> data)
    {
        if (packet.SourceCid != _cid)
        {
            // Nobody could be answered (5.10.6.4.1).
            _log.GuestTriggered($"a packet from address {packet.SourceCid}, which is not the guest's");
            return;
        }

        if (packet.DestinationCid != VsockSpec.HostCid || packet.Type != VsockSpec.VIRTIO_VSOCK_TYPE_STREAM)
        {
            Refuse(packet);
            return;
        }

        Connection? connection = _table.Find(packet.SourcePort, packet.DestinationPort);
        if (packet.Operation == VsockSpec.VIRTIO_VSOCK_OP_REQUEST) Request(connection, packet);
        else if (connection is null) Refuse(packet);
        else if (connection.State == ConnectionState.Dead) TakeForDead(connection, packet);
        else Take(connection, packet, readable, available, data);
    }

    private void Take(Connection connection, in Packet packet, ReadOnlySpan<IoSegment> readable, uint available, Span<IoSegment> data)
    {
        connection.TakeCredit(packet);
        bool established = connection.State == ConnectionState.Established;
        switch (packet.Operation)
        {
            case VsockSpec.VIRTIO_VSOCK_OP_RESPONSE when !established:
                Answered(connection);
                break;

            case VsockSpec.VIRTIO_VSOCK_OP_RST:
                Abandon(connection);
                return;

            case VsockSpec.VIRTIO_VSOCK_OP_RW when established && packet.Length <= available && !Has(connection.GuestShutdown, VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND):
                int count = Packet.CutData(readable, packet.Length, data);
                if (connection.TakeFromGuest(data, count, packet.Length, _table.Spare))
                {
                    _metrics.FromGuest.Add(packet.Length);
                    break;
                }

                _log.GuestTriggered($"port {connection.GuestPort} sent more than its credit; the connection is reset");
                Kill(connection);
                return;

            case VsockSpec.VIRTIO_VSOCK_OP_SHUTDOWN when established:
                ShutDown(connection, packet.Flags);
                break;

            case VsockSpec.VIRTIO_VSOCK_OP_CREDIT_UPDATE when established:
                break;

            case VsockSpec.VIRTIO_VSOCK_OP_CREDIT_REQUEST when established:
                connection.Pending |= PendingPackets.CreditUpdate;
                break;

            default:
                _log.GuestTriggered($"port {connection.GuestPort} sent operation {packet.Operation} of {packet.Length} bytes out of place; the connection is reset");
                Kill(connection);
                return;
        }

        if (connection.State == ConnectionState.Established) _table.QueueIfReady(connection);
    }

    private static bool Has(uint flags, uint flag) => (flags & flag) != 0;

    /// <summary>The guest is told of the end already, or will be with the next packet; one that ends it as well needs no answer.</summary>
    private void TakeForDead(Connection connection, in Packet packet)
    {
        if (packet.Operation == VsockSpec.VIRTIO_VSOCK_OP_RST) _table.Remove(connection);
    }

    private void Refuse(in Packet packet)
    {
        if (packet.Operation != VsockSpec.VIRTIO_VSOCK_OP_RST) _resets.Add(packet);
    }

    /// <summary>A program of the guest connects to a port of the host.</summary>
    private void Request(Connection? earlier, in Packet packet)
    {
        // A guest that has forgotten its connection: so does the host.
        if (earlier is not null) _table.Remove(earlier);
        if (Connect(packet) is { } connection)
        {
            _table.Name(connection, packet.SourcePort, packet.DestinationPort);
            connection.TakeCredit(packet);
            connection.Pending |= PendingPackets.Response;
            _metrics.Connected.Add(1);
            _table.QueueIfReady(connection);
            return;
        }

        _metrics.Refused.Add(1);
        Refuse(packet);
    }

    private Connection? Connect(in Packet packet)
    {
        if (!_table.HasRoom)
        {
            _log.GuestTriggered($"refuses a connection to port {packet.DestinationPort}: there are {MaxConnections} already");
            return null;
        }

        string path = string.Create(CultureInfo.InvariantCulture, $"{_path}_{packet.DestinationPort}");
        int errno;
        UnixStream? stream;
        try
        {
            errno = UnixStream.TryConnect(path, out stream);
        }
        catch (LinuxException e)
        {
            _log.GuestTriggered(e.Message);   // too long with this port
            return null;
        }

        if (stream is null)
        {
            if (_log.IsDebugEnabled) _log.Debug($"connect to {path}: {new LinuxException("connect", errno).Message}");
            return null;
        }

        if (IsTooHigh(stream))
        {
            _log.GuestTriggered($"refuses a connection to port {packet.DestinationPort}: few file descriptors are left; raise the limit (LimitNOFILE, ulimit -n)");
            stream.Dispose();
            return null;
        }

        Connection connection = _table.Add(ConnectionState.Established, stream);
        if (TryWatch(connection)) return connection;
        _table.Remove(connection);
        return null;
    }

    /// <summary>The guest accepts what a program of the host asked for.</summary>
    private unsafe void Answered(Connection connection)
    {
        Span<byte> line = stackalloc byte[16];
        "OK "u8.CopyTo(line);
        _ = connection.HostPort.TryFormat(line[3..], out int digits, default, CultureInfo.InvariantCulture);
        line[3 + digits] = (byte)'\n';
        // The first bytes in this direction, so there is room for them, or nobody is there.
        int length = 4 + digits, sent;
        fixed (byte* first = line)
        {
            var vector = new IoSegment(first, (nuint)length);
            sent = connection.Stream!.TrySend(&vector, 1);
        }

        if (sent != length)
        {
            Kill(connection);
            return;
        }

        connection.State = ConnectionState.Established;
        _table.SetDeadline(connection, 0);
        _metrics.Connected.Add(1);
    }

    /// <summary>The guest will not receive, or not send, any more (5.10.6.6).</summary>
    private void ShutDown(Connection connection, uint flags)
    {
        connection.GuestShutdown |= flags & VsockSpec.ShutdownBoth;
        if (Has(connection.GuestShutdown, VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE)) connection.Stream!.EndReceiving();
        if (connection.GuestShutdown == VsockSpec.ShutdownBoth) GiveUpAfter(connection, s_lingering);
        PassOnEnd(connection);
    }

    /// <summary>Tells the host's program the end of what the guest sent, once it has all of it.</summary>
    private void PassOnEnd(Connection connection)
    {
        if (connection.Held > 0 || !Has(connection.GuestShutdown, VsockSpec.VIRTIO_VSOCK_SHUTDOWN_F_SEND)) return;
        if (connection.GuestShutdown == VsockSpec.ShutdownBoth) Kill(connection);
        else connection.Stream!.EndSending();
    }

    /// <summary>The guest has no such connection any more. What it sent before still goes to the host.</summary>
    private void Abandon(Connection connection)
    {
        if (connection.State != ConnectionState.Established || connection.Held == 0 || connection.HostGone)
        {
            _table.Remove(connection);
            return;
        }

        _table.Forget(connection);
        connection.State = ConnectionState.Lingering;
        connection.Pending = PendingPackets.None;
        GiveUpAfter(connection, s_lingering);
    }
}
