using System.Buffers.Binary;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;
using Plugvisor.VhostUser.Protocol;

namespace Plugvisor.VhostUser.Sessions;

/// <summary>
/// Our end of the socket on which a back end asks (section "Back-end communication"). What is not understood is refused, where an answer is
/// wanted; what is no message ends the session.
/// </summary>
internal sealed class BackChannel : IDisposable
{
    private const ulong Refused = 1;

    private readonly MessageSocket _socket;
    private readonly TimeSpan _patience;

    /// <summary>Goes on with our end of a channel that was opened before.</summary>
    public BackChannel(UnixStream ours, EventFd abort, TimeSpan patience)
    {
        _socket = new MessageSocket(ours, abort);
        _patience = patience;
    }

    /// <summary>Our end, for a successor.</summary>
    public UnixStream Stream => _socket.Stream;

    /// <summary>To be polled.</summary>
    public int Descriptor => _socket.Descriptor;

    /// <summary>Makes both ends.</summary>
    /// <param name="abort">As that of <see cref="MessageSocket"/>.</param>
    /// <param name="patience">How long a message may take that has begun.</param>
    /// <param name="theirs">The back end's end, to be sent and closed.</param>
    public static BackChannel Open(EventFd abort, TimeSpan patience, out UnixStream theirs)
    {
        (UnixStream ours, theirs) = UnixStream.MakePair();
        return new BackChannel(ours, abort, patience);
    }

    /// <summary>Takes one request.</summary>
    /// <returns>Whether the device's config space has changed.</returns>
    public bool Serve()
    {
        Deadline deadline = Deadline.After(_patience);
        MessageHeader header = _socket.Receive(deadline, out List<FileDescriptor>? descriptors);
        int count = descriptors?.Count ?? 0;
        if (descriptors is not null)
        {
            foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
        }

        if ((header.Flags & MessageHeader.Reply) != 0) throw new VhostUserException($"sent a reply (request {header.Request}) on the back channel, where nothing was asked");
        if (count > 0) throw new VhostUserException($"sent {count} descriptors with request {header.Request} on the back channel, which takes none");
        bool changed = header is { Request: (uint)BackEndRequest.ConfigChange, Size: 0 };
        if ((header.Flags & MessageHeader.NeedReply) != 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_socket.Payload, changed ? 0 : Refused);
            _socket.Send(header.Request, MessageHeader.Reply, sizeof(ulong), default, deadline);
        }

        return changed;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
