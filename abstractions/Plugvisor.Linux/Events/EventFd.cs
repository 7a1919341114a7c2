using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Events;

/// <summary>
/// An eventfd: a counter that one side raises and the other drains. KVM takes it as ioeventfd (doorbell) and as irqfd.
/// Non-blocking and close-on-exec. Any thread may signal; disposing while others use it is the owner's mistake to avoid.
/// </summary>
public sealed unsafe partial class EventFd : SafeHandle
{
    private const int EFD_NONBLOCK = 0x800;
    private const int EFD_CLOEXEC = 0x80000;
    private const int RWF_NOWAIT = 8;
    private const int EINVAL = 22, ENOSYS = 38, EOPNOTSUPP = 95;

    private static bool s_hasNoWait = true;   // Linux 5.8

    private readonly int _fd;

    /// <summary>Makes an eventfd with counter 0.</summary>
    /// <exception cref="LinuxException">The process is out of descriptors or memory.</exception>
    public EventFd() : base(-1, ownsHandle: true)
    {
        _fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (_fd < 0) throw new LinuxException("eventfd", Marshal.GetLastSystemError());
        SetHandle(_fd);
    }

    private EventFd(int descriptor) : base(-1, ownsHandle: true)
    {
        _fd = descriptor;
        SetHandle(descriptor);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, for poll sets and KVM.</summary>
    public int Descriptor => _fd;

    /// <summary>Takes over an eventfd that came from elsewhere, such as over a socket. It has to be non-blocking, as those made here are.</summary>
    public static EventFd Adopt(FileDescriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        var adopted = new EventFd(descriptor.Value);
        descriptor.SetHandleAsInvalid();
        return adopted;
    }

    /// <summary>Adds 1 to the counter and wakes the reader. One system call, no allocation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Signal()
    {
        ulong one = 1;
        // The only possible failure is EAGAIN at 2^64-2 pending signals, and then the reader is awake anyway.
        _ = write(_fd, &one, sizeof(ulong));
    }

    /// <summary>As <see cref="Signal"/>, for callers that may come when it is disposed already: nothing happens then.</summary>
    public void SignalUnlessClosed()
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);   // keeps the descriptor's number from being reused under the write
            Signal();
        }
        catch (ObjectDisposedException)
        {
            // Whoever waited for it is gone.
        }
        finally
        {
            if (held) DangerousRelease();
        }
    }

    /// <summary>Takes the counter to 0. Never waits: that is said with the call, as another process that has the descriptor (a vhost-user back end) may have made it blocking.</summary>
    /// <returns>What it was; 0 when nothing was signalled.</returns>
    public ulong Drain()
    {
        ulong value;
        if (s_hasNoWait)
        {
            (nint Address, nint Length) vector = ((nint)(&value), sizeof(ulong));
            // SAFETY: the kernel writes 8 bytes to the value, which outlives the call.
            if (preadv2(_fd, &vector, 1, -1, RWF_NOWAIT) == sizeof(ulong)) return value;
            if (Marshal.GetLastSystemError() is not (EINVAL or ENOSYS or EOPNOTSUPP)) return 0;
            s_hasNoWait = false;
        }

        return read(_fd, &value, sizeof(ulong)) == sizeof(ulong) ? value : 0;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc")]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc")]
    private static partial nint write(int fd, void* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial nint preadv2(int fd, void* vectors, int count, long offset, int flags);

    [LibraryImport("libc")]
    private static partial nint read(int fd, void* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
