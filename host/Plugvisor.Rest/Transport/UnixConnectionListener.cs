using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Rest.Transport;

/// <summary>Takes clients from a listening socket, which stays its owner's.</summary>
internal sealed class UnixConnectionListener : IConnectionListener, IPolled
{
    private const int ENOMEM = 12, ENFILE = 23, EMFILE = 24, ECONNABORTED = 103, ENOBUFS = 105;

    // So many are let in beyond the limit, to be told that there are too many. Those behind them wait in the backlog.
    private const int TurnedAway = 16;

    private readonly UnixListener _listener;
    private readonly SocketPoller _poller;
    private readonly DescriptorBudget _budget;
    private readonly ILogger _log;
    private readonly int _maxOpen;
    private readonly Readiness _acceptable = new();
    private readonly ulong _pollId;
    private bool _isExhausted, _isUnbound;
    private UnixStream? _offered;
    private long _count;
    private int _open, _removed;

    /// <summary>Begins to watch the socket.</summary>
    public UnixConnectionListener(UnixListener listener, SocketPoller poller, RestLimits limits, EndPoint endPoint, ILogger log)
    {
        _listener = listener;
        _poller = poller;
        _budget = new DescriptorBudget(limits.MaxWaitingDescriptors);
        _maxOpen = limits.MaxConnections + TurnedAway;
        _log = log;
        EndPoint = endPoint;
        _pollId = poller.Add(listener.Descriptor, this);
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events) => _acceptable.Signal();

    /// <summary>Takes a client that did not come through the socket, unless one did before. Once.</summary>
    /// <param name="client">The client's connection; the listener's when it is taken.</param>
    /// <returns>Whether it is taken.</returns>
    public bool Offer(UnixStream client)
    {
        if (Volatile.Read(ref _isUnbound) || Interlocked.Read(ref _count) != 0) return false;
        Volatile.Write(ref _offered, client);
        _acceptable.Signal();
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!Volatile.Read(ref _isUnbound))
        {
            if (Interlocked.Exchange(ref _offered, null) is { } offered)
            {
                if (Start(offered) is { } insider) return insider;
                continue;
            }

            if (Volatile.Read(ref _open) >= _maxOpen)
            {
                await _acceptable.WaitAsync().ConfigureAwait(false);
                continue;
            }

            int errno = _listener.TryAccept(out UnixStream? socket);
            switch (errno)
            {
                case 0:
                    _isExhausted = false;
                    if (Start(socket!) is { } connection) return connection;
                    break;
                case UnixListener.NobodyWaits:
                    await _acceptable.WaitAsync().ConfigureAwait(false);
                    break;
                case EMFILE or ENFILE or ENOMEM or ENOBUFS:
                    // The client stays in the backlog until another one comes or goes. Nothing here may need a descriptor itself: no text of the error, no timer.
                    if (!_isExhausted) _log.LogWarning("API clients wait: the process is out of descriptors or memory (errno {Errno})", errno);
                    _isExhausted = true;
                    await _acceptable.WaitAsync().ConfigureAwait(false);
                    break;
                case ECONNABORTED:
                    break;
                default:
                    _log.LogError("the API takes no more clients: {Error}", new LinuxException($"accept on {EndPoint}", errno).Message);
                    return null;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _isUnbound, true);
        _acceptable.Signal();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _removed, 1) == 0) _poller.Remove(_pollId, _listener.Descriptor);
        Interlocked.Exchange(ref _offered, null)?.Dispose();
        return UnbindAsync();
    }

    private UnixConnection? Start(UnixStream socket)
    {
        string id = Interlocked.Increment(ref _count).ToString(CultureInfo.InvariantCulture);
        var connection = new UnixConnection(socket, _poller, _budget, EndPoint, id, OnClosed);
        try
        {
            connection.Start();
            Interlocked.Increment(ref _open);
            return connection;
        }
        catch (LinuxException e)
        {
            _log.LogWarning("an API client is turned away: {Error}", e.Message);
            socket.Dispose();
            return null;
        }
    }

    private void OnClosed()
    {
        Interlocked.Decrement(ref _open);
        _acceptable.Signal();
    }
}
