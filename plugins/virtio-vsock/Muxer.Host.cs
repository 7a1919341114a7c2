using Plugvisor.Linux.Events;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Plugins.VirtioVsock;

/// <content>What the host's programs do.</content>
internal sealed partial class Muxer
{
    private void Happened(Connection connection, EpollEvents events)
    {
        if ((events & (EpollEvents.Readable | EpollEvents.HangUp | EpollEvents.Error)) != 0) connection.CanRead = true;
        if ((events & EpollEvents.Writable) != 0) connection.CanWrite = true;
        bool gone = (events & EpollEvents.HangUp) != 0;
        switch (connection.State)
        {
            case ConnectionState.Greeting:
                Greet(connection);
                break;

            case ConnectionState.Requested when gone:
                // The guest need not hear of what it was not asked yet.
                if ((connection.Pending & PendingPackets.Request) != 0) _table.Remove(connection);
                else Kill(connection);
                break;

            case ConnectionState.Lingering:
                if (gone) connection.HangUp();
                connection.Flush(_table.Spare);
                if (connection.Held == 0) _table.Remove(connection);
                break;

            case ConnectionState.Established:
                if (gone) connection.HangUp();
                connection.Flush(_table.Spare);
                PassOnEnd(connection);
                connection.AskForCredit();
                _table.QueueIfReady(connection);
                break;
        }
    }

    private void Accept()
    {
        for (int i = 0; i < AcceptedAtOnce; i++)
        {
            int errno = _listener.TryAccept(out UnixStream? stream);
            if (stream is null)
            {
                _mayAccept = false;
                // Out of descriptors: they may be had later, and nothing would tell.
                _acceptsLater = errno != UnixListener.NobodyWaits;
                return;
            }

            if (!_table.HasRoom || IsTooHigh(stream))
            {
                _log.GuestTriggered(_table.HasRoom
                    ? "refuses a connection of the host: few file descriptors are left; raise the limit (LimitNOFILE, ulimit -n)"
                    : $"refuses a connection of the host: there are {MaxConnections} already");
                _metrics.Refused.Add(1);
                stream.Dispose();
                continue;
            }

            Connection connection = _table.Add(ConnectionState.Greeting, stream);
            GiveUpAfter(connection, s_greeting);
            if (TryWatch(connection)) Greet(connection);
            else _table.Remove(connection);
        }
    }

    private void Greet(Connection connection)
    {
        Greeting.Result result = connection.Greeting.Read(connection.Stream!, out uint port);
        if (result == Greeting.Result.Waiting) return;
        if (result == Greeting.Result.Wrong)
        {
            _metrics.Refused.Add(1);
            _table.Remove(connection);
            return;
        }

        _table.Name(connection, port, _table.NewPort(port));
        connection.State = ConnectionState.Requested;
        connection.Pending = PendingPackets.Request;
        GiveUpAfter(connection, s_request);
        _table.QueueIfReady(connection);
    }
}
