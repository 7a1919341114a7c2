using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Sockets;

/// <summary>
/// A connected Unix stream socket, close-on-exec, which carries file descriptors beside its bytes (SCM_RIGHTS, unix(7)). One that was accepted does not
/// block, one that connected does. One thread receives and one sends at a time; the owner disposes it when neither does any more.
/// </summary>
public sealed unsafe partial class UnixStream : SafeHandle
{
    /// <summary>The most descriptors that the kernel passes with one message (SCM_MAX_FD).</summary>
    public const int MaxDescriptors = 253;

    /// <summary>EAGAIN, negated: nothing is there to receive, or no room to send.</summary>
    public const int WouldBlock = -11;

    private const int SOCK_STREAM = 1, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    private const int MSG_PEEK = 0x2, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;
    private const int SOL_SOCKET = 1, SCM_RIGHTS = 1;
    private const int SHUT_WR = 1, SHUT_RDWR = 2;
    private const int EINTR = 4;
    private const int ControlSize = 16 + (((MaxDescriptors * sizeof(int)) + 7) & ~7);   // CMSG_SPACE

    /// <summary>Takes over a connected socket.</summary>
    internal UnixStream(int descriptor) : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor, valid until this object is disposed.</summary>
    public int Descriptor => (int)handle;

    /// <summary>Connects, and waits where the listener's backlog is full. The stream blocks.</summary>
    /// <exception cref="LinuxException">Nobody listens there, or the path is too long.</exception>
    public static UnixStream Connect(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        UnixAddress address = UnixAddress.Of(path, "connect to");
        int descriptor = socket(UnixAddress.UnixFamily, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw new LinuxException("socket", Marshal.GetLastSystemError());
        var stream = new UnixStream(descriptor);
        while (connect(descriptor, &address, sizeof(UnixAddress)) != 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno == EINTR) continue;
            stream.Dispose();
            throw new LinuxException($"connect to {path}", errno);
        }

        return stream;
    }

    /// <summary>Another descriptor of a connected Unix stream socket: both have the same bytes to receive.</summary>
    /// <param name="handle">Any handle whose value is the socket's descriptor.</param>
    /// <exception cref="LinuxException">The process is out of descriptors.</exception>
    public static UnixStream Duplicate(SafeHandle handle) => new(FileDescriptor.DuplicateNumber(handle));

    /// <summary>Connects without waiting. The stream does not block.</summary>
    /// <param name="path">Where somebody may listen.</param>
    /// <param name="stream">The stream, when the answer is 0.</param>
    /// <returns>0, or an errno: ENOENT (2) or ECONNREFUSED (111) where nobody listens, EAGAIN (11) where the listener's backlog is full.</returns>
    /// <exception cref="LinuxException">The path is too long or none, or the process is out of descriptors.</exception>
    public static int TryConnect(string path, out UnixStream? stream)
    {
        ArgumentNullException.ThrowIfNull(path);
        stream = null;
        UnixAddress address = UnixAddress.Of(path, "connect to");
        int descriptor = socket(UnixAddress.UnixFamily, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw new LinuxException("socket", Marshal.GetLastSystemError());
        var made = new UnixStream(descriptor);
        while (connect(descriptor, &address, sizeof(UnixAddress)) != 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno == EINTR) continue;
            made.Dispose();
            return errno;
        }

        stream = made;
        return 0;
    }

    /// <summary>Two streams that are connected with each other. Neither blocks.</summary>
    /// <exception cref="LinuxException">The process is out of descriptors.</exception>
    public static (UnixStream, UnixStream) MakePair()
    {
        int* pair = stackalloc int[2];
        // SAFETY: the kernel writes two descriptors.
        if (socketpair(UnixAddress.UnixFamily, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
            throw new LinuxException("socketpair", Marshal.GetLastSystemError());
        return (new UnixStream(pair[0]), new UnixStream(pair[1]));
    }

    /// <summary>Receives what is there. The kernel ends a read behind bytes that carry descriptors, so those that come belong to its last bytes.</summary>
    /// <param name="destination">Receives bytes; not empty.</param>
    /// <param name="received">Descriptors are added; made when there are some. They are the caller's.</param>
    /// <returns>Bytes, 0 at the end of the stream, or a negative errno such as <see cref="WouldBlock"/>.</returns>
    public int TryReceive(Span<byte> destination, ref List<FileDescriptor>? received)
    {
        byte* control = stackalloc byte[ControlSize];
        // SAFETY: the kernel writes at most what the two lengths say; both buffers live for the call.
        fixed (byte* first = destination)
        {
            (nint Address, nint Length) vector = ((nint)first, destination.Length);
            MessageHeader message = default;
            message.Vectors = (nint)(&vector);
            message.VectorCount = 1;
            message.Control = (nint)control;
            message.ControlLength = ControlSize;
            nint count;
            while ((count = recvmsg((int)handle, &message, MSG_CMSG_CLOEXEC)) < 0)
            {
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) return -errno;
            }

            if (message.ControlLength > 0) Collect(control, (int)message.ControlLength, ref received);
            return (int)count;
        }
    }

    /// <summary>Sends as much as is taken at once.</summary>
    /// <param name="source">Bytes; not empty when descriptors go with them.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>; the receiver gets copies.</param>
    /// <returns>Bytes, or a negative errno such as <see cref="WouldBlock"/>; EPIPE when nobody receives. No signal is raised.</returns>
    public int TrySend(ReadOnlySpan<byte> source, ReadOnlySpan<int> descriptors = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        byte* control = stackalloc byte[ControlSize];
        // SAFETY: the kernel reads at most what the two lengths say; both buffers live for the call.
        fixed (byte* first = source)
        {
            (nint Address, nint Length) vector = ((nint)first, source.Length);
            MessageHeader message = default;
            message.Vectors = (nint)(&vector);
            message.VectorCount = 1;
            if (!descriptors.IsEmpty)
            {
                var header = (ControlHeader*)control;
                *header = new ControlHeader { Length = (nuint)(sizeof(ControlHeader) + (descriptors.Length * sizeof(int))), Level = SOL_SOCKET, Type = SCM_RIGHTS };
                descriptors.CopyTo(new Span<int>(header + 1, descriptors.Length));
                message.Control = (nint)control;
                message.ControlLength = (header->Length + 7) & ~(nuint)7;
            }

            nint count;
            while ((count = sendmsg((int)handle, &message, MSG_NOSIGNAL)) < 0)
            {
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) return -errno;
            }

            return (int)count;
        }
    }

    /// <summary>Sends all of it, and waits until it is taken. Descriptors go with the first byte. For a stream that blocks.</summary>
    /// <param name="data">At least one byte when there are descriptors.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>; the receiver gets copies.</param>
    /// <exception cref="LinuxException">The other side is gone, or a descriptor is not open.</exception>
    public void Send(ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors)
    {
        int sent = 0;
        while (sent < data.Length)
        {
            int count = TrySend(data[sent..], sent == 0 ? descriptors : default);
            if (count < 0) throw new LinuxException("send", -count);
            sent += count;
        }
    }

    /// <summary>Receives what there is, and waits until there is something. Descriptors that come are closed. For a stream that blocks.</summary>
    /// <returns>Bytes; 0 when the other side has ended.</returns>
    /// <exception cref="LinuxException">The connection broke.</exception>
    public int Receive(Span<byte> buffer)
    {
        // SAFETY: the kernel writes at most the pinned span.
        fixed (byte* first = buffer)
        {
            while (true)
            {
                nint count = recv((int)handle, first, (nuint)buffer.Length, 0);
                if (count >= 0) return (int)count;
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) throw new LinuxException("receive", errno);
            }
        }
    }

    /// <summary>Looks at what would be received, without waiting, and leaves it there.</summary>
    /// <returns>Bytes, 0 at the end of the stream, or a negative errno such as <see cref="WouldBlock"/>.</returns>
    public int TryPeek(Span<byte> buffer)
    {
        // SAFETY: the kernel writes at most the pinned span.
        fixed (byte* first = buffer)
        {
            while (true)
            {
                nint count = recv((int)handle, first, (nuint)buffer.Length, MSG_PEEK | MSG_DONTWAIT);
                if (count >= 0) return (int)count;
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) return -errno;
            }
        }
    }

    /// <summary>Nothing will be sent any more: the other side reads the end of the stream.</summary>
    public void EndSending() => _ = shutdown((int)handle, SHUT_WR);

    /// <summary>Ends both directions at once; who waits for this socket wakes up.</summary>
    public void Abort() => _ = shutdown((int)handle, SHUT_RDWR);

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    private static void Collect(byte* control, int length, ref List<FileDescriptor>? received)
    {
        // SAFETY: the kernel made this list of headers; each is looked at only as far as the length that it gave.
        int at = 0;
        while (length - at >= sizeof(ControlHeader))
        {
            var header = (ControlHeader*)(control + at);
            int size = (int)Math.Min(header->Length, (nuint)(length - at));
            if (size < sizeof(ControlHeader)) return;
            if (header->Level == SOL_SOCKET && header->Type == SCM_RIGHTS)
            {
                int count = (size - sizeof(ControlHeader)) / sizeof(int);
                received ??= new List<FileDescriptor>(count);
                for (int i = 0; i < count; i++) received.Add(new FileDescriptor(((int*)(header + 1))[i]));
            }

            at += (size + 7) & ~7;
        }
    }

    [LibraryImport("libc")]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc")]
    private static partial int socketpair(int family, int type, int protocol, int* pair);

    [LibraryImport("libc")]
    private static partial int connect(int fd, UnixAddress* address, int length);

    [LibraryImport("libc")]
    private static partial nint recvmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc")]
    private static partial nint sendmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc")]
    private static partial nint recv(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int shutdown(int fd, int how);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public nint Name;
        public uint NameLength;
        public nint Vectors;
        public nuint VectorCount;
        public nint Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c>; its data follow.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }
}
