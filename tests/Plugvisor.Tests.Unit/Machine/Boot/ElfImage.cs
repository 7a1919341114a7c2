using System.Buffers.Binary;

namespace Plugvisor.Tests.Unit.Machine.Boot;

/// <summary>Makes small ELF files with a PVH note, good ones and broken ones.</summary>
internal static class ElfImage
{
    public const ulong LoadAddress = 0x20_0000;
    public const uint Entry = 0x20_0010;

    /// <summary>One segment of <paramref name="body"/> bytes 0xAB at 2 MiB with 0x1000 bytes behind them, and one note.</summary>
    public static byte[] Make(bool is64 = true, int body = 0x3000, bool withNote = true, int noteDescriptor = 4)
    {
        const int NoteOffset = 0x200, BodyOffset = 0x1000;
        var image = new byte[BodyOffset + body];
        "\u007fELF"u8.CopyTo(image);
        image[4] = (byte)(is64 ? 2 : 1);
        image[5] = 1;
        image[6] = 1;
        Put16(image, 16, 2);
        Put16(image, 18, (ushort)(is64 ? 62 : 3));
        int table = is64 ? 64 : 52, length = is64 ? 56 : 32;
        if (is64) Put64(image, 32, (ulong)table);
        else Put32(image, 28, (uint)table);
        Put16(image, is64 ? 54 : 42, (ushort)length);
        Put16(image, is64 ? 56 : 44, 2);
        Header(image, table, is64, 1, BodyOffset, LoadAddress, (ulong)body, (ulong)body + 0x1000, 0x1000);
        Header(image, table + length, is64, 4, NoteOffset, 0, withNote ? (ulong)(36 + noteDescriptor) : 20, 0, 4);

        // Another note before the one that counts: name "GNU", 4 bytes.
        int at = NoteOffset;
        Put32(image, at, 4);
        Put32(image, at + 4, 4);
        Put32(image, at + 8, 3);
        "GNU\0"u8.CopyTo(image.AsSpan(at + 12));
        at += 20;
        Put32(image, at, 4);
        Put32(image, at + 4, (uint)noteDescriptor);
        Put32(image, at + 8, 18);
        "Xen\0"u8.CopyTo(image.AsSpan(at + 12));
        Put32(image, at + 16, Entry);
        image.AsSpan(BodyOffset).Fill(0xAB);
        return image;
    }

    public static void Put16(byte[] image, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(at), value);

    public static void Put32(byte[] image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);

    public static void Put64(byte[] image, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), value);

    private static void Header(
        byte[] image, int at, bool is64, uint type, ulong offset, ulong address, ulong fileLength, ulong memoryLength, ulong alignment)
    {
        Put32(image, at, type);
        if (is64)
        {
            Put64(image, at + 8, offset);
            Put64(image, at + 24, address);
            Put64(image, at + 32, fileLength);
            Put64(image, at + 40, memoryLength);
            Put64(image, at + 48, alignment);
            return;
        }

        Put32(image, at + 4, (uint)offset);
        Put32(image, at + 12, (uint)address);
        Put32(image, at + 16, (uint)fileLength);
        Put32(image, at + 20, (uint)memoryLength);
        Put32(image, at + 28, (uint)alignment);
    }
}
