using System.Buffers.Binary;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// What a network device carries from one instance to the next besides its queues' indices: what the driver has set by its control queue.
/// The format's version, then the pairs in use and the offloads. Newer versions add bytes; an older reader ignores them.
/// </summary>
/// <param name="Pairs">Queue pairs that the driver uses.</param>
/// <param name="Offloads">Guest offloads in force, as feature bits.</param>
internal readonly record struct State(ushort Pairs, ulong Offloads)
{
    private const byte Version = 1;
    private const int Size = 11;

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(1), Pairs);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(3), Offloads);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; null for anything else.</summary>
    public static State? From(ReadOnlySpan<byte> saved) =>
        saved.Length >= Size && saved[0] >= Version
            ? new State(BinaryPrimitives.ReadUInt16LittleEndian(saved[1..]), BinaryPrimitives.ReadUInt64LittleEndian(saved[3..]))
            : null;
}
