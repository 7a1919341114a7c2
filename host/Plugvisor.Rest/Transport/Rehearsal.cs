using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;

namespace Plugvisor.Rest.Transport;

/// <summary>
/// A client inside the process, which asks what changes nothing: what a request needs is loaded and compiled then, and the first real client does not wait
/// for it. It goes on when it has an answer, so that the server has to wait between requests, and for a body, as it does for others.
/// </summary>
internal sealed class Rehearsal : IPolled
{
    private readonly SocketPoller _poller;
    private readonly UnixStream _socket;
    private ulong _pollId;
    private int _step;

    private Rehearsal(SocketPoller poller, UnixStream socket)
    {
        _poller = poller;
        _socket = socket;
    }

    /// <summary>Begins one and returns at once. Nothing happens when the listener has had a client, or where descriptors are short.</summary>
    /// <param name="listener">Who is to serve it.</param>
    /// <param name="poller">Watches its side; its thread is the client.</param>
    public static void Begin(UnixConnectionListener listener, SocketPoller poller)
    {
        try
        {
            (UnixStream ours, UnixStream theirs) = UnixStream.MakePair();
            var rehearsal = new Rehearsal(poller, ours);
            try
            {
                // It is writable, so the first step follows at once; who serves it may come later.
                rehearsal._pollId = poller.Add(ours.Descriptor, rehearsal);
            }
            catch
            {
                ours.Dispose();
                theirs.Dispose();
                throw;
            }

            // Our end reads the end of the stream then, and goes as well.
            if (!listener.Offer(theirs)) theirs.Dispose();
        }
        catch (LinuxException)
        {
            // This is not what the last descriptors are for.
        }
    }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        if (_step > 0)
        {
            Span<byte> answer = stackalloc byte[1024];
            List<FileDescriptor>? none = null;
            int count = _socket.TryReceive(answer, ref none);
            if (count == UnixStream.WouldBlock) return;
            if (count <= 0)
            {
                _poller.Remove(_pollId, _socket.Descriptor);
                _socket.Dispose();
                return;
            }
        }

        switch (_step++)
        {
            case 0: _ = _socket.TrySend("GET /api/v1/vmm.ping HTTP/1.1\r\n\r\n"u8); break;
            // A GET may have a body, which nobody reads. It comes on its own, as that of a large PUT.
            case 1: _ = _socket.TrySend("GET /api/v1/vmm.ping HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"u8); break;
            case 2: _ = _socket.TrySend("{}"u8); break;
            default: _socket.EndSending(); break;
        }
    }
}
