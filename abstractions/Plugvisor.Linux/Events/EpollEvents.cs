namespace Plugvisor.Linux.Events;

/// <summary>What an <see cref="Epoll"/> waits for; the kernel's values.</summary>
[Flags]
public enum EpollEvents : uint
{
    /// <summary>Nothing but errors and hang-up, which are always reported.</summary>
    None = 0,

    /// <summary>EPOLLIN: a read would not block.</summary>
    Readable = 0x1,

    /// <summary>EPOLLOUT: a write would not block.</summary>
    Writable = 0x4,

    /// <summary>EPOLLERR.</summary>
    Error = 0x8,

    /// <summary>EPOLLHUP: the other side is gone. Reported without being asked for.</summary>
    HangUp = 0x10,

    /// <summary>
    /// EPOLLET: reported once for each change instead of as long as it lasts. An eventfd reports each write, read or not.
    /// </summary>
    EdgeTriggered = 1u << 31,
}
