using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Plugvisor.Api;
using Plugvisor.Linux.Limits;
using Plugvisor.Linux.Sockets;
using Plugvisor.Rest.Http;
using Plugvisor.Rest.Routing;
using Plugvisor.Rest.Transport;

namespace Plugvisor.Rest;

/// <summary>
/// The REST front end: Kestrel, without anything above its connections, on a Unix socket. Kestrel keeps the connections, their heartbeat and their end;
/// the socket transport and the HTTP dialect are ours, because the interface's answers and file descriptors beside requests are beyond its own (ADR 0010).
/// </summary>
public sealed class RestServer : IAsyncDisposable
{
    private readonly RestServices _services;
    private readonly SocketPoller _poller;
    private readonly UnixTransportFactory _transport;
    private readonly KestrelServer _kestrel;
    private int _connections;
    private bool _isFull;

    /// <summary>A server that does not run yet.</summary>
    /// <param name="api">What it offers.</param>
    /// <param name="listener">Where clients come from; stays the caller's, and open until this is disposed.</param>
    /// <param name="name">How the log names the listener: its path, or <c>fd=N</c>.</param>
    /// <param name="logs">The log.</param>
    /// <param name="limits">What clients may use up; null for the defaults.</param>
    public RestServer(IVmmApi api, UnixListener listener, string name, ILoggerFactory logs, RestLimits? limits = null)
    {
        ILogger log = logs.CreateLogger<RestServer>();
        _services = new RestServices(
            api, new Router(api), (limits ?? new RestLimits()).Within(DescriptorLimit.Current), TimeProvider.System, log);
        _poller = new SocketPoller();
        var options = new KestrelServerOptions();
        options.Listen(new UnixEndPoint(name), listen => listen.Run(ServeAsync));
        // Its own messages are about itself; what a person needs to know of the API is logged here.
        _transport = new UnixTransportFactory(listener, _poller, _services.Limits, log);
        _kestrel = new KestrelServer(Options.Create(options), _transport, NullLoggerFactory.Instance);
    }

    /// <summary>Begins to take clients.</summary>
    public Task StartAsync(CancellationToken cancellation = default) => _kestrel.StartAsync(new NoApplication(), cancellation);

    /// <summary>
    /// Asks itself for a ping or two, unless a client has come already. What a request needs is loaded and compiled then; the first client would wait some
    /// 40 ms for it. Returns at once. Call when the processors have time, once, from any thread, while the server runs.
    /// </summary>
    public void Rehearse()
    {
        if (_transport.Bound is { } listener) Rehearsal.Begin(listener, _poller);
    }

    /// <summary>Takes no more clients, lets requests in hand be answered, then ends all connections.</summary>
    /// <param name="grace">How long an answer may take.</param>
    public async Task StopAsync(TimeSpan grace)
    {
        using var limit = new CancellationTokenSource(grace);
        await _kestrel.StopAsync(limit.Token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        _kestrel.Dispose();
        _services.Router.Dispose();
        _poller.Dispose();
    }

    private Task ServeAsync(ConnectionContext connection)
    {
        if (Interlocked.Increment(ref _connections) > _services.Limits.MaxConnections) return TurnAwayAsync(connection);
        return new HttpConnection(connection, _services, OnEnded).RunAsync();
    }

    private void OnEnded()
    {
        if (Interlocked.Decrement(ref _connections) < _services.Limits.MaxConnections) Volatile.Write(ref _isFull, false);
    }

    private async Task TurnAwayAsync(ConnectionContext connection)
    {
        if (!Interlocked.Exchange(ref _isFull, true))
            _services.Log.LogWarning("API clients are turned away: there are {Count} connections", _services.Limits.MaxConnections);
        try
        {
            // What was asked is taken in first: a client that is still sending would read an error in place of the answer.
            if (connection.Transport.Input.TryRead(out ReadResult asked)) connection.Transport.Input.AdvanceTo(asked.Buffer.End);
            await connection.Transport.Output.WriteAsync(ResponseWriter.TooManyConnections.ToArray()).ConfigureAwait(false);
        }
        finally
        {
            OnEnded();
        }
    }
}
