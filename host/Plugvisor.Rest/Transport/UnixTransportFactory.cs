using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Rest.Transport;

/// <summary>Gives Kestrel the listening socket that the process opened or inherited.</summary>
internal sealed class UnixTransportFactory(UnixListener listener, SocketPoller poller, RestLimits limits, ILogger log) : IConnectionListenerFactory
{
    /// <summary>What Kestrel listens on, once it does.</summary>
    public UnixConnectionListener? Bound { get; private set; }

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Bound = new UnixConnectionListener(listener, poller, limits, endpoint, log);
        return ValueTask.FromResult<IConnectionListener>(Bound);
    }
}
