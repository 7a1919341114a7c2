using System.Net;

namespace Plugvisor.Rest.Transport;

/// <summary>Where the API listens, for Kestrel; the socket itself is open already.</summary>
internal sealed class UnixEndPoint(string name) : EndPoint
{
    /// <inheritdoc/>
    public override string ToString() => name;
}
