namespace Plugvisor.Linux.Events;

/// <summary>What <see cref="DescriptorPoll"/> waits for; the kernel's values.</summary>
[Flags]
public enum PollEvents : short
{
    /// <summary>Nothing but errors and hang-up.</summary>
    None = 0,

    /// <summary>POLLIN: a read would not block.</summary>
    Readable = 0x1,

    /// <summary>POLLOUT: a write would not block.</summary>
    Writable = 0x4,

    /// <summary>POLLERR.</summary>
    Error = 0x8,

    /// <summary>POLLHUP.</summary>
    HangUp = 0x10,

    /// <summary>POLLNVAL: no such descriptor.</summary>
    Invalid = 0x20,
}
