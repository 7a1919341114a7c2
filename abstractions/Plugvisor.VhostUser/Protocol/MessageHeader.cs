using System.Buffers.Binary;

namespace Plugvisor.VhostUser.Protocol;

/// <summary>In front of every message (section "Header"): three numbers in the host's byte order, which is little-endian on x86-64.</summary>
internal readonly record struct MessageHeader(uint Request, uint Flags, int Size)
{
    /// <summary>Bytes of it.</summary>
    public const int Length = 12;

    /// <summary>The most bytes that follow it: a whole config space with its own header.</summary>
    public const int MaxPayload = 4096 + 12;

    /// <summary>The most descriptors that come with a message.</summary>
    public const int MaxDescriptors = 8;

    /// <summary>The one version there is, in the lower two bits of the flags.</summary>
    public const uint Version = 1;

    /// <summary>This is a reply.</summary>
    public const uint Reply = 1 << 2;

    /// <summary>An acknowledgement is wanted.</summary>
    public const uint NeedReply = 1 << 3;

    private const uint VersionMask = 3;

    /// <summary>Whether the version is the one that is spoken here.</summary>
    public bool IsOfOurVersion => (Flags & VersionMask) == Version;

    /// <summary>Reads one; the size is not checked and negative where it is beyond all bounds.</summary>
    public static MessageHeader Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]));

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Request);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Flags);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], Size);
    }
}
