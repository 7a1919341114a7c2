using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Sockets;

/// <summary>
/// A connected Unix stream socket that blocks, for programs that ask and wait for the answer. It can send file descriptors along. One thread at
/// a time.
/// </summary>
public sealed unsafe partial class UnixStream : SafeHandle
{
    /// <summary>How many descriptors the kernel takes with one message (SCM_MAX_FD).</summary>
    public const int MaxDescriptors = 253;

    private const int AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = 0x80000, SOL_SOCKET = 1, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000;
    private const int EINTR = 4, ENAMETOOLONG = 36;
    private const int PathLength = 108, HeaderLength = 16;   // sun_path; struct cmsghdr

    private UnixStream(int descriptor) : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>Connects to the socket of a path; waits while the listener's queue is full.</summary>
    /// <exception cref="LinuxException">There is no such socket, nobody listens, or the path has more than 107 bytes.</exception>
    public static UnixStream Connect(string path)
    {
        SocketAddress address = default;
        address.Family = AF_UNIX;
        byte[] name = Encoding.UTF8.GetBytes(path);
        if (name.Length >= PathLength) throw new LinuxException($"connect to {path}", ENAMETOOLONG);
        name.CopyTo(new Span<byte>(address.Path, PathLength));

        int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw new LinuxException("socket", Marshal.GetLastSystemError());
        var stream = new UnixStream(descriptor);
        while (connect(descriptor, &address, (uint)sizeof(SocketAddress)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno == EINTR) continue;
            stream.Dispose();
            throw new LinuxException($"connect to {path}", errno);
        }

        return stream;
    }

    /// <summary>Sends all of it. Descriptors go with the first byte; the receiver gets copies.</summary>
    /// <param name="data">At least one byte when there are descriptors.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>.</param>
    /// <exception cref="LinuxException">The other side is gone, or a descriptor is not open.</exception>
    public void Send(ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        int length = HeaderLength + descriptors.Length * sizeof(int), space = (length + 7) & ~7;
        byte* control = stackalloc byte[space];
        *(nuint*)control = (nuint)length;
        *(int*)(control + 8) = SOL_SOCKET;
        *(int*)(control + 12) = SCM_RIGHTS;
        descriptors.CopyTo(new Span<int>(control + HeaderLength, descriptors.Length));

        // SAFETY: the kernel reads what the pinned span, the vector and the control block hold, all of which outlive the calls.
        fixed (byte* first = data)
        {
            int sent = 0;
            while (sent < data.Length)
            {
                Vector vector = new() { Base = first + sent, Length = (nuint)(data.Length - sent) };
                MessageHeader message = default;
                message.Vectors = &vector;
                message.VectorCount = 1;
                if (sent == 0 && !descriptors.IsEmpty)
                {
                    message.Control = control;
                    message.ControlLength = (nuint)space;
                }

                nint count = sendmsg((int)handle, &message, MSG_NOSIGNAL);
                if (count >= 0) sent += (int)count;
                else if (Marshal.GetLastSystemError() is var errno && errno != EINTR) throw new LinuxException("send", errno);
            }
        }
    }

    /// <summary>Receives what there is, and waits until there is something.</summary>
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

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => close((int)handle) == 0;

    [LibraryImport("libc")]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc")]
    private static partial int connect(int fd, SocketAddress* address, uint length);

    [LibraryImport("libc")]
    private static partial nint sendmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc")]
    private static partial nint recv(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    /// <summary>struct sockaddr_un.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddress
    {
        public ushort Family;
        public fixed byte Path[PathLength];
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
