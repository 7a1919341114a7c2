using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Pmem;

/// <summary>
/// What a device carries from one instance to the next besides its queue's indices. The first byte is the format's version; a newer plugin adds members at the end.
/// </summary>
/// <param name="Address">Where the guest has the memory.</param>
/// <param name="Size">Bytes of it.</param>
/// <param name="Intact">Bytes from the start that are still the file's.</param>
internal sealed record State(ulong Address, ulong Size, ulong Intact)
{
    private const byte Version = 1;
    private const int Length = 1 + (3 * 8);

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), Address);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(9), Size);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(17), Intact);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; null for a new device.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State? From(ReadOnlySpan<byte> saved)
    {
        if (saved.IsEmpty) return null;
        if (saved[0] != Version) throw new DeviceException($"the pmem device's saved state has version {saved[0]}; this plugin knows version {Version}");
        if (saved.Length < Length) throw new DeviceException("the pmem device's saved state is damaged: it is too short");
        return new State(
            BinaryPrimitives.ReadUInt64LittleEndian(saved[1..]), BinaryPrimitives.ReadUInt64LittleEndian(saved[9..]), BinaryPrimitives.ReadUInt64LittleEndian(saved[17..]));
    }
}
