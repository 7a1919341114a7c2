using System.Runtime.InteropServices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>struct virtio_vsock_hdr (virtio 1.2 section 5.10.6), little-endian as it stands. A copy: the guest cannot change it any more.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Packet
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 44;

    public ulong SourceCid, DestinationCid;
    public uint SourcePort, DestinationPort;

    /// <summary>Bytes of data behind the header.</summary>
    public uint Length;

    public ushort Type, Operation;
    public uint Flags;

    /// <summary>Bytes that the sender of this packet can take (<c>buf_alloc</c>).</summary>
    public uint BufferSize;

    /// <summary>Bytes that the sender of this packet has passed on, modulo 2^32 (<c>fwd_cnt</c>).</summary>
    public uint Forwarded;

    /// <summary>Copies a header out of a chain, wherever its pieces lie (2.7.4.3: the driver chooses how a packet is cut).</summary>
    /// <returns>False when the chain is shorter than a header.</returns>
    public static bool TryRead(ReadOnlySpan<IoSegment> readable, out Packet packet)
    {
        packet = default;
        Span<byte> left = Bytes(ref packet);
        foreach (ref readonly IoSegment segment in readable)
        {
            int count = Math.Min(left.Length, segment.Bytes.Length);
            segment.Bytes[..count].CopyTo(left);
            left = left[count..];
            if (left.IsEmpty) return true;
        }

        return false;
    }

    /// <summary>Copies the header to the start of a chain, which has room for it.</summary>
    public void Write(ReadOnlySpan<IoSegment> writable)
    {
        ReadOnlySpan<byte> left = Bytes(ref this);
        for (int i = 0; !left.IsEmpty; i++)
        {
            int count = Math.Min(left.Length, writable[i].Bytes.Length);
            left[..count].CopyTo(writable[i].Bytes);
            left = left[count..];
        }
    }

    /// <summary>The piece of a chain behind its header.</summary>
    /// <param name="segments">The chain, which has at least a header and that many bytes.</param>
    /// <param name="length">Bytes of the piece.</param>
    /// <param name="data">Receives its segments; as long as the chain's.</param>
    /// <returns>How many segments it has.</returns>
    public static unsafe int CutData(ReadOnlySpan<IoSegment> segments, uint length, Span<IoSegment> data)
    {
        nuint skip = Size, left = length;
        int count = 0;
        for (int i = 0; left > 0; i++)
        {
            IoSegment segment = segments[i];
            nuint passed = nuint.Min(skip, segment.Length);
            skip -= passed;
            nuint taken = nuint.Min(left, segment.Length - passed);
            if (taken == 0) continue;
            // SAFETY: a part of a checked segment.
            data[count++] = new IoSegment(segment.Address + passed, taken);
            left -= taken;
        }

        return count;
    }

    private static Span<byte> Bytes(ref Packet packet) => MemoryMarshal.AsBytes(new Span<Packet>(ref packet));
}
