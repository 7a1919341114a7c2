using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>
/// What a console carries from one instance to the next besides its queues' indices. One byte for the format's version; how much output was dropped so far; then keys that
/// were read and have not reached the guest, and output that nobody has taken, each with its length before it. Newer versions add bytes; an older reader ignores them.
/// </summary>
/// <param name="Keys">Input for the guest.</param>
/// <param name="Output">Output of the guest.</param>
/// <param name="Dropped">Bytes of output that were dropped.</param>
internal sealed record State(ReadOnlyMemory<byte> Keys, ReadOnlyMemory<byte> Output, ulong Dropped)
{
    private const byte Version = 1;
    private const int FixedSize = 1 + 8 + 4 + 4;

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[FixedSize + Keys.Length + Output.Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), Dropped);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(9), Keys.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(13), Output.Length);
        Keys.Span.CopyTo(bytes.AsSpan(FixedSize));
        Output.Span.CopyTo(bytes.AsSpan(FixedSize + Keys.Length));
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; null for a new console.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State? From(ReadOnlyMemory<byte> saved)
    {
        if (saved.IsEmpty) return null;
        ReadOnlySpan<byte> bytes = saved.Span;
        if (bytes[0] != Version) throw new DeviceException($"the console's saved state has version {bytes[0]}; this plugin knows version {Version}");
        if (bytes.Length < FixedSize) throw Damaged();
        int keys = BinaryPrimitives.ReadInt32LittleEndian(bytes[9..]), output = BinaryPrimitives.ReadInt32LittleEndian(bytes[13..]);
        if (keys < 0 || output < 0 || (long)FixedSize + keys + output > bytes.Length) throw Damaged();
        return new State(saved.Slice(FixedSize, keys), saved.Slice(FixedSize + keys, output), BinaryPrimitives.ReadUInt64LittleEndian(bytes[1..]));
    }

    private static DeviceException Damaged() => new("the console's saved state is damaged: it is too short");
}
