using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Events;

/// <summary>
/// An epoll set. One thread waits; any thread may add, change and remove. A descriptor that is closed leaves the set by itself.
/// </summary>
public sealed unsafe partial class Epoll : SafeHandle
{
    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;
    private const int EINTR = 4;
    private const int EEXIST = 17;
    private const int ENOENT = 2;
    private const int EBADF = 9;

    private readonly int _fd;

    /// <summary>Makes an empty set.</summary>
    /// <exception cref="LinuxException">The process is out of descriptors or memory.</exception>
    public Epoll() : base(-1, ownsHandle: true)
    {
        _fd = epoll_create1(EPOLL_CLOEXEC);
        if (_fd < 0) throw new LinuxException("epoll_create1", Marshal.GetLastSystemError());
        SetHandle(_fd);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The set's own descriptor, which another set can watch: it is readable while something is ready here.</summary>
    public int Descriptor => _fd;

    /// <summary>Watches a descriptor, or changes what it is watched for.</summary>
    /// <param name="descriptor">Anything that can be polled; a regular file cannot.</param>
    /// <param name="events">What to wait for.</param>
    /// <param name="data">Comes back in <see cref="EpollEvent.Data"/>.</param>
    /// <exception cref="LinuxException">It cannot be polled (EPERM), is closed, or the kernel is out of memory.</exception>
    public void Set(int descriptor, EpollEvents events, ulong data)
    {
        var entry = new EpollEvent(events, data);
        if (epoll_ctl(_fd, EPOLL_CTL_ADD, descriptor, &entry) == 0) return;
        int errno = Marshal.GetLastSystemError();
        if (errno == EEXIST)
        {
            if (epoll_ctl(_fd, EPOLL_CTL_MOD, descriptor, &entry) == 0) return;
            errno = Marshal.GetLastSystemError();
        }

        throw new LinuxException($"epoll_ctl descriptor {descriptor}", errno);
    }

    /// <summary>Forgets a descriptor. One that is not in the set, or closed by now, is no error.</summary>
    public void Remove(int descriptor)
    {
        EpollEvent unused = default;
        if (epoll_ctl(_fd, EPOLL_CTL_DEL, descriptor, &unused) == 0) return;
        int errno = Marshal.GetLastSystemError();
        if (errno is not (ENOENT or EBADF)) throw new LinuxException($"epoll_ctl descriptor {descriptor}", errno);
    }

    /// <summary>Waits. A signal ends the wait early with nothing ready.</summary>
    /// <param name="ready">Receives what is ready; what does not fit is told the next time.</param>
    /// <param name="timeoutMilliseconds">The longest wait; 0 only looks, -1 waits for ever.</param>
    /// <returns>How many entries of <paramref name="ready"/> were filled.</returns>
    public int Wait(Span<EpollEvent> ready, int timeoutMilliseconds)
    {
        // SAFETY: the kernel writes at most ready.Length entries of exactly this layout.
        fixed (EpollEvent* entries = ready)
        {
            int count = epoll_wait(_fd, entries, ready.Length, timeoutMilliseconds);
            if (count >= 0) return count;
            int errno = Marshal.GetLastSystemError();
            return errno == EINTR ? 0 : throw new LinuxException("epoll_wait", errno);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc")]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc")]
    private static partial int epoll_ctl(int epfd, int operation, int fd, EpollEvent* entry);

    [LibraryImport("libc")]
    private static partial int epoll_wait(int epfd, EpollEvent* events, int maxEvents, int timeout);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
