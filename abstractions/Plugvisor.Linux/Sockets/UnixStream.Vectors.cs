using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Sockets;

/// <content>Bytes without descriptors, from and to several buffers at once.</content>
public sealed unsafe partial class UnixStream
{
    private const int SHUT_RD = 0;

    /// <summary>Receives into <c>struct iovec</c>s what is there. Descriptors that come are dropped by the kernel.</summary>
    /// <returns>Bytes, 0 at the end of the stream, or a negative errno such as <see cref="WouldBlock"/>.</returns>
    public int TryReceive(void* vectors, int count)
    {
        MessageHeader message = default;
        message.Vectors = (nint)vectors;
        message.VectorCount = (nuint)count;
        nint done;
        // SAFETY: the kernel writes to the caller's buffers only.
        while ((done = recvmsg((int)handle, &message, MSG_CMSG_CLOEXEC)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }

        return (int)done;
    }

    /// <summary>Receives what is there. Descriptors that come are dropped by the kernel.</summary>
    /// <returns>As for <see cref="TryReceive(void*, int)"/>.</returns>
    public int TryReceive(Span<byte> destination)
    {
        // SAFETY: the kernel writes at most the pinned span.
        fixed (byte* first = destination)
        {
            (nint Address, nint Length) vector = ((nint)first, destination.Length);
            return TryReceive(&vector, 1);
        }
    }

    /// <summary>Sends from <c>struct iovec</c>s as much as is taken at once.</summary>
    /// <returns>Bytes, or a negative errno such as <see cref="WouldBlock"/>; EPIPE when nobody receives. No signal is raised.</returns>
    public int TrySend(void* vectors, int count)
    {
        MessageHeader message = default;
        message.Vectors = (nint)vectors;
        message.VectorCount = (nuint)count;
        nint done;
        // SAFETY: the kernel reads the caller's buffers only.
        while ((done = sendmsg((int)handle, &message, MSG_NOSIGNAL)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }

        return (int)done;
    }

    /// <summary>Nothing will be received any more: the other side's writes fail.</summary>
    public void EndReceiving() => _ = shutdown((int)handle, SHUT_RD);
}
