using System.Buffers.Binary;
using Plugvisor.Linux.Files;
using Plugvisor.VhostUser.Protocol;

namespace Plugvisor.VhostUser.Sessions;

/// <content>How requests and answers are exchanged, whatever they say.</content>
internal sealed partial class Session
{
    /// <summary>A request without an answer, except the acknowledgement where that was agreed (section "REPLY_ACK").</summary>
    private void Tell(FrontEndRequest request, int size, ReadOnlySpan<int> descriptors = default, bool acknowledged = false)
    {
        acknowledged &= Has(ProtocolFeatures.ReplyAck);
        Deadline deadline = Deadline.After(_patience);
        Send(request, size, descriptors, acknowledged ? MessageHeader.NeedReply : 0, deadline);
        if (!acknowledged) return;
        ReadOnlySpan<byte> reply = Reply(request, sizeof(ulong), deadline, out List<FileDescriptor>? received);
        Refuse(received, request);
        ulong result = BinaryPrimitives.ReadUInt64LittleEndian(reply);
        if (result != 0) throw new VhostUserException($"refused {request} (result {result})");
    }

    private ulong AskNumber(FrontEndRequest request, Deadline deadline) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Ask(request, 0, sizeof(ulong), deadline));

    private ReadOnlySpan<byte> Ask(FrontEndRequest request, int size, int replySize, Deadline deadline)
    {
        ReadOnlySpan<byte> reply = Ask(request, size, replySize, deadline, out List<FileDescriptor>? descriptors);
        Refuse(descriptors, request);
        return reply;
    }

    private ReadOnlySpan<byte> Ask(FrontEndRequest request, int size, int replySize, Deadline deadline, out List<FileDescriptor>? descriptors)
    {
        Send(request, size, default, 0, deadline);
        return Reply(request, replySize, deadline, out descriptors);
    }

    private void Send(FrontEndRequest request, int size, ReadOnlySpan<int> descriptors, uint flags, Deadline deadline) =>
        _socket.Send((uint)request, flags, size, descriptors, deadline);

    private ReadOnlySpan<byte> Reply(FrontEndRequest request, int size, Deadline deadline, out List<FileDescriptor>? descriptors)
    {
        MessageHeader header;
        try
        {
            header = _socket.Receive(deadline, out descriptors);
        }
        catch (VhostUserException e)
        {
            throw new VhostUserException($"{e.Message} (asked for {request})");
        }

        if (header.Request == (uint)request && (header.Flags & MessageHeader.Reply) != 0 && header.Size == size) return _socket.Received(header);
        Close(descriptors);
        throw new VhostUserException(
            $"answered {request} (request {(uint)request}, {size} bytes) by request {header.Request}, flags 0x{header.Flags:x}, {header.Size} bytes");
    }

    private static void Refuse(List<FileDescriptor>? descriptors, FrontEndRequest request)
    {
        if (descriptors is null) return;
        Close(descriptors);
        throw new VhostUserException($"sent {descriptors.Count} descriptors with its answer to {request}, which has none");
    }

    private static void Close(List<FileDescriptor>? descriptors)
    {
        if (descriptors is null) return;
        foreach (FileDescriptor descriptor in descriptors) descriptor.Dispose();
    }
}
