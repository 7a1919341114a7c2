using Plugvisor.Linux.Events;

namespace Plugvisor.Rest.Transport;

/// <summary>Something that a <see cref="SocketPoller"/> watches.</summary>
internal interface IPolled
{
    /// <summary>Something changed. On the poll thread: it only wakes others. May come once more after the end of the watch.</summary>
    void OnReady(EpollEvents events);
}
