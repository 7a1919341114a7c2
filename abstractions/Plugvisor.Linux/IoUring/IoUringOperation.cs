namespace Plugvisor.Linux.IoUring;

/// <summary>Operation codes of <c>enum io_uring_op</c> (include/uapi/linux/io_uring.h); those in use.</summary>
public enum IoUringOperation : byte
{
    /// <summary>Completes at once with 0.</summary>
    Nop = 0,

    /// <summary>Scattered read at an offset: <c>addr</c> points to iovecs, <c>len</c> counts them.</summary>
    ReadVector = 1,

    /// <summary>Gathered write at an offset.</summary>
    WriteVector = 2,

    /// <summary>fsync, or fdatasync with <see cref="IoUringEntry.DataSync"/>.</summary>
    Sync = 3,

    /// <summary>Reports readiness of a descriptor.</summary>
    PollAdd = 6,

    /// <summary>Takes a poll back: <c>addr</c> is its user data.</summary>
    PollRemove = 7,

    /// <summary>fallocate: <c>off</c> is the offset, <c>addr</c> the length, <c>len</c> the mode.</summary>
    Allocate = 17,

    /// <summary>Read at an offset into one buffer.</summary>
    Read = 22,

    /// <summary>Write at an offset from one buffer.</summary>
    Write = 23,
}
