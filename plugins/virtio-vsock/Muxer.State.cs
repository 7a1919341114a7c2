using System.Runtime.InteropServices;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Plugins.VirtioVsock;

/// <content>Connections that another instance in the same process goes on with.</content>
internal sealed partial class Muxer
{
    /// <summary>The sockets of the connections, in the order of <see cref="Save"/>.</summary>
    public void AddStreams(List<SafeHandle> handles)
    {
        foreach (Connection? connection in _table.Slots)
        {
            if (connection!.State != ConnectionState.Free && connection.Stream is { } stream) handles.Add(stream);
        }
    }

    /// <summary>Writes all connections. The device's thread does not run.</summary>
    public void Save(BinaryWriter to)
    {
        to.Write((ushort)_table.Count);
        foreach (Connection? connection in _table.Slots)
        {
            if (connection!.State != ConnectionState.Free) connection.Save(to);
        }

        to.Write(_table.LastPort);
        _resets.Save(to);
    }

    /// <summary>Reads what <see cref="Save"/> wrote, into a muxer that has no connections.</summary>
    /// <param name="from">Where it is.</param>
    /// <param name="streams">Their sockets; stay the caller's.</param>
    /// <param name="first">Index of the first of them.</param>
    /// <exception cref="InvalidDataException">It does not make sense.</exception>
    public void Restore(BinaryReader from, IReadOnlyList<SafeHandle> streams, int first)
    {
        int count = from.ReadUInt16();
        for (; count > 0; count--)
        {
            var state = (ConnectionState)from.ReadByte();
            if (state is ConnectionState.Free or > ConnectionState.Dead || !_table.HasRoom) throw new InvalidDataException($"a connection in state {state}");
            UnixStream? stream = null;
            if (state != ConnectionState.Dead)
                stream = first < streams.Count ? UnixStream.Duplicate(streams[first++]) : throw new InvalidDataException("a connection without its socket");
            Restore(from, _table.Add(state, stream), state);
        }

        _table.LastPort = from.ReadUInt32();
        _resets.Restore(from);
    }

    private void Restore(BinaryReader from, Connection connection, ConnectionState state)
    {
        uint guestPort = from.ReadUInt32(), hostPort = from.ReadUInt32();
        connection.Restore(from);
        if (state is ConnectionState.Requested or ConnectionState.Established or ConnectionState.Dead) _table.Name(connection, guestPort, hostPort);

        // How long it has been waiting is not told: it may wait as long once more.
        if (state == ConnectionState.Greeting) GiveUpAfter(connection, s_greeting);
        else if (state == ConnectionState.Requested) GiveUpAfter(connection, s_request);
        else if (state == ConnectionState.Lingering || connection.GuestShutdown == VsockSpec.ShutdownBoth) GiveUpAfter(connection, s_lingering);
        else if (connection.ToldShutdown == VsockSpec.ShutdownBoth) GiveUpAfter(connection, s_farewell);
        if (connection.Stream is not null && !TryWatch(connection)) Kill(connection);
        _table.QueueIfReady(connection);
    }
}
