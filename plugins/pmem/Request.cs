using System.Buffers.Binary;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.Pmem;

/// <summary>
/// A request that was taken from the ring. What it asks was copied; the four bytes of the answer are kept one by one, as the driver may cut its buffers anywhere (virtio 1.2 section 2.7.4).
/// </summary>
internal unsafe struct Request
{
    private fixed ulong _answer[PmemSpec.ResponseLength];
    private uint _type;
    private bool _complete;

    /// <summary>The token that gives the chain back.</summary>
    public ushort Head { get; private set; }

    /// <summary>Whether it has a whole request and room for a whole answer.</summary>
    public readonly bool IsComplete => _complete;

    /// <summary>Whether it asks for a flush.</summary>
    public readonly bool IsFlush => _complete && _type == PmemSpec.VIRTIO_PMEM_REQ_TYPE_FLUSH;

    /// <summary>Copies the request out of guest memory.</summary>
    public static Request Read(DescriptorChain chain, ReadOnlySpan<IoSegment> segments)
    {
        var request = new Request { Head = chain.Head };
        Span<byte> type = stackalloc byte[PmemSpec.RequestLength];
        int read = 0, room = 0;
        for (int i = 0; i < chain.Readable && read < type.Length; i++)
        {
            // SAFETY: the queue has checked address and length of each segment.
            for (nuint at = 0; at < segments[i].Length && read < type.Length; at++) type[read++] = segments[i].Address[at];
        }

        for (int i = chain.Readable; i < chain.Readable + chain.Writable && room < PmemSpec.ResponseLength; i++)
        {
            for (nuint at = 0; at < segments[i].Length && room < PmemSpec.ResponseLength; at++) request._answer[room++] = (ulong)(segments[i].Address + at);
        }

        request._type = BinaryPrimitives.ReadUInt32LittleEndian(type);
        request._complete = read == type.Length && room == PmemSpec.ResponseLength;
        return request;
    }

    /// <summary>Writes the answer, where there is room for it.</summary>
    /// <returns>Bytes written.</returns>
    public readonly uint Answer(uint value)
    {
        if (!_complete) return 0;
        // SAFETY: Read took the addresses from checked segments; guest RAM stays mapped while the queue runs.
        for (int i = 0; i < PmemSpec.ResponseLength; i++) *(byte*)_answer[i] = (byte)(value >> (8 * i));
        return PmemSpec.ResponseLength;
    }
}
