using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;
using Plugvisor.VhostUser.Protocol;

namespace Plugvisor.VhostUser.Sessions;

/// <summary>
/// Whole messages over a socket, each within a deadline. One thread uses it. After an exception the socket is of no use, and no descriptor that came is
/// left open.
/// </summary>
internal sealed class MessageSocket : IDisposable
{
    private readonly UnixStream _stream;
    private readonly EventFd _abort;
    private readonly PollEntry[] _poll = new PollEntry[2];
    private readonly byte[] _outgoing = new byte[MessageHeader.Length + MessageHeader.MaxPayload];
    private readonly byte[] _incoming = new byte[MessageHeader.Length + MessageHeader.MaxPayload];
    private List<FileDescriptor>? _descriptors;

    /// <summary>Takes over a connected stream that does not block.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="abort">Once it is signalled whoever waits gets an exception. Not the stream's shutdown, as that would end it for all who have it.</param>
    public MessageSocket(UnixStream stream, EventFd abort)
    {
        _stream = stream;
        _abort = abort;
    }

    /// <summary>The socket, for a successor.</summary>
    public UnixStream Stream => _stream;

    /// <summary>To be polled while nothing is expected.</summary>
    public int Descriptor => _stream.Descriptor;

    /// <summary>Where the payload of the next message goes.</summary>
    public Span<byte> Payload => _outgoing.AsSpan(MessageHeader.Length);

    /// <summary>The payload of the message that was received last.</summary>
    public ReadOnlySpan<byte> Received(MessageHeader header) => _incoming.AsSpan(MessageHeader.Length, header.Size);

    /// <summary>Sends what is in <see cref="Payload"/>.</summary>
    /// <param name="request">The request's number.</param>
    /// <param name="flags">Its flags, without the version.</param>
    /// <param name="size">Bytes of the payload.</param>
    /// <param name="descriptors">Go with the first byte.</param>
    /// <param name="deadline">How long it may take.</param>
    public void Send(uint request, uint flags, int size, ReadOnlySpan<int> descriptors, Deadline deadline)
    {
        new MessageHeader(request, flags | MessageHeader.Version, size).Write(_outgoing);
        ReadOnlySpan<byte> left = _outgoing.AsSpan(0, MessageHeader.Length + size);
        while (!left.IsEmpty)
        {
            int sent = _stream.TrySend(left, descriptors);
            if (sent == UnixStream.WouldBlock)
            {
                Await(PollEvents.Writable, deadline, "took no request");
                continue;
            }

            if (sent < 0) throw new VhostUserException($"cannot be reached any more (errno {-sent})");
            left = left[sent..];
            descriptors = default;
        }
    }

    /// <summary>Receives the next message. Its descriptors are the caller's.</summary>
    public MessageHeader Receive(Deadline deadline, out List<FileDescriptor>? descriptors)
    {
        try
        {
            Fill(_incoming.AsSpan(0, MessageHeader.Length), deadline, isStart: true);
            MessageHeader header = MessageHeader.Read(_incoming);
            if (!header.IsOfOurVersion) throw new VhostUserException($"sent a message whose flags are 0x{header.Flags:x}, which is another version of the protocol");
            if ((uint)header.Size > MessageHeader.MaxPayload) throw new VhostUserException($"sent a message of {(uint)header.Size} bytes; {MessageHeader.MaxPayload} are possible");
            Fill(_incoming.AsSpan(MessageHeader.Length, header.Size), deadline, isStart: false);
            descriptors = _descriptors;
            _descriptors = null;
            return header;
        }
        catch
        {
            CloseReceived();
            throw;
        }
    }

    /// <summary>Looks, when the socket is ready though nothing is expected on it, what that means.</summary>
    /// <exception cref="VhostUserException">It is closed, or something came.</exception>
    public void CheckQuiet()
    {
        // Left where it is: this may be the successor's answer, for a moment.
        int count = _stream.TryPeek(_incoming);
        if (count == UnixStream.WouldBlock) return;
        throw new VhostUserException(count switch
        {
            0 => "closed the connection",
            < 0 => $"cannot be reached any more (errno {-count})",
            _ => $"sent {count} bytes that nobody asked for",
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseReceived();
        _stream.Dispose();
    }

    private void Fill(Span<byte> destination, Deadline deadline, bool isStart)
    {
        while (!destination.IsEmpty)
        {
            int count = _stream.TryReceive(destination, ref _descriptors);
            if (count == UnixStream.WouldBlock)
            {
                Await(PollEvents.Readable, deadline, "did not answer");
                continue;
            }

            if (count < 0) throw new VhostUserException($"cannot be reached any more (errno {-count})");
            // With each piece of a message: descriptors with every byte of a long one would be all that this process may have.
            if (_descriptors is { Count: > MessageHeader.MaxDescriptors } many)
                throw new VhostUserException($"sent {many.Count} descriptors with a message; {MessageHeader.MaxDescriptors} are possible");
            if (count == 0) throw new VhostUserException(isStart ? "closed the connection" : "closed the connection in the middle of a message");
            destination = destination[count..];
            isStart = false;
        }
    }

    private void Await(PollEvents events, Deadline deadline, string what)
    {
        long left = deadline.NanosecondsLeft;
        if (left == 0) throw new VhostUserException($"{what} within {deadline.Time.TotalSeconds:0.##} s");
        _poll[0] = new PollEntry(_stream.Descriptor, events);
        _poll[1] = new PollEntry(_abort.Descriptor, PollEvents.Readable);
        DescriptorPoll.Wait(_poll, left);
        if (_poll[1].Ready != PollEvents.None) throw new VhostUserException("was left in the middle of a request");
    }

    private void CloseReceived()
    {
        if (_descriptors is null) return;
        foreach (FileDescriptor descriptor in _descriptors) descriptor.Dispose();
        _descriptors = null;
    }
}
