using Plugvisor.Remote.Calls;

namespace Plugvisor.Remote.Transport;

/// <summary>A way to a VMM. One thread.</summary>
internal interface IRemoteTransport : IDisposable
{
    /// <summary>Asks and waits for the answer, however long that takes.</summary>
    /// <returns>The result as it came; empty for none.</returns>
    /// <exception cref="RemoteException">The VMM cannot be reached, or it refused.</exception>
    ReadOnlyMemory<byte> Send(RemoteCall call);

    /// <summary>Asks for a stream and hands on what comes until the VMM ends it.</summary>
    /// <exception cref="RemoteException">The VMM cannot be reached, or it refused.</exception>
    void Follow(RemoteCall call, Action<ReadOnlySpan<byte>> received);
}
