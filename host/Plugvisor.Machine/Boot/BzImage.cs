using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>
/// Loads a Linux bzImage for its 32-bit entry. Source: Linux, Documentation/arch/x86/boot.rst (setup header, 32-bit boot protocol)
/// and zero-page.rst.
/// </summary>
internal static class BzImage
{
    private const int SectorLength = 512;
    private const int HeaderStart = 0x1F1;          // of the setup header, in the file and in the zero page
    private const int HeaderLimit = 0x290;          // what follows in the zero page is no header any more
    private const int MagicOffset = 0x202;
    private const int ZeroPageLength = 4096;
    private const ushort OldestProtocol = 0x0202;   // the first with a command line pointer
    private const byte LoadedHigh = 1;
    private const ushort AboveFourGiB = 2;          // XLF_CAN_BE_LOADED_ABOVE_4G
    private const ulong LoadAddress = MemoryMap.HighMemoryStart;

    // Offsets in the zero page.
    private const int AcpiRsdp = 0x070, E820Count = 0x1E8, SetupSectors = 0x1F1, SystemSize = 0x1F4, VideoMode = 0x1FA,
        JumpOffset = 0x201, Version = 0x206, LoaderType = 0x210, LoadFlags = 0x211, Code32Start = 0x214, RamdiskImage = 0x218,
        RamdiskSize = 0x21C, CommandLinePointer = 0x228, InitrdMax = 0x22C, KernelAlignment = 0x230, Relocatable = 0x234,
        XLoadFlags = 0x236, CommandLineSize = 0x238, PreferredAddress = 0x258, InitSize = 0x260, E820Table = 0x2D0;

    private const int E820EntryLength = 20;

    /// <summary>Whether the file's start is that of a bzImage.</summary>
    public static bool Matches(ReadOnlySpan<byte> start) =>
        start.Length >= MagicOffset + 4 && start.Slice(MagicOffset, 4).SequenceEqual("HdrS"u8);

    /// <summary>Copies kernel, initramfs, command line and zero page into guest RAM.</summary>
    /// <returns>The protocol version as <c>2.15</c>.</returns>
    /// <exception cref="BootException">The file is not a good bzImage, or something does not fit.</exception>
    public static string Load(
        PayloadFile file, GuestMemory memory, MemoryMap map, PayloadFile? initramfs, ReadOnlySpan<byte> commandLine)
    {
        Span<byte> page = stackalloc byte[ZeroPageLength];
        page.Clear();
        Span<byte> start = stackalloc byte[HeaderLimit];
        start.Clear();
        file.Read(0, start[..(int)Math.Min(HeaderLimit, file.Length)], "the setup header");
        int headerEnd = Math.Min(MagicOffset + start[JumpOffset], HeaderLimit);
        if (headerEnd < CommandLinePointer + 4 || (ulong)headerEnd > file.Length)
            throw file.Bad($"the setup header ends at 0x{headerEnd:x}: the image is damaged");
        start[HeaderStart..headerEnd].CopyTo(page[HeaderStart..]);

        ushort version = U16(page, Version);
        if (version < OldestProtocol)
            throw file.Bad($"boot protocol {Name(version)} is too old: 2.02 or later is needed");
        if ((page[LoadFlags] & LoadedHigh) == 0) throw file.Bad("a zImage, which loads below 1 MiB; a bzImage is needed");
        if (version < 0x0204) page.Slice(SystemSize + 2, 2).Clear();    // two bytes wide before 2.04

        ulong offset = ((ulong)(page[SetupSectors] == 0 ? 4 : page[SetupSectors]) + 1) * SectorLength;
        ulong stated = (ulong)U32(page, SystemSize) * 16;
        if (offset >= file.Length || stated > file.Length - offset + 15)
        {
            throw file.Bad($"the kernel (0x{stated:x} bytes at offset 0x{offset:x}) lies past the end of the file " +
                $"({ByteSize.Format(file.Length)}): is it truncated?");
        }

        ulong length = file.Length - offset;
        file.ReadToGuest(offset, length, memory, LoadAddress, "the kernel");
        ulong end = CheckRoom(file, map, page, version, LoadAddress + length);

        int limit = version >= 0x0206 ? (int)Math.Min(U32(page, CommandLineSize), BootLayout.CommandLineRoom - 1) : 255;
        CommandLine.Write(file, memory, commandLine, limit);
        if (initramfs is not null)
        {
            bool anywhere = version >= 0x020C && (U16(page, XLoadFlags) & AboveFourGiB) != 0;
            ulong highest = anywhere ? uint.MaxValue : version >= 0x0203 ? U32(page, InitrdMax) : 0x37FF_FFFF;
            ulong address = Initramfs.Load(initramfs, memory, Math.Min(map.LowRam.End, highest + 1), end);
            Put32(page, RamdiskImage, (uint)address);
            Put32(page, RamdiskSize, (uint)initramfs.Length);
        }

        if (page[LoaderType] == 0) page[LoaderType] = 0xFF;     // undefined loader
        Put16(page, VideoMode, 0xFFFF);                         // "normal"
        Put32(page, Code32Start, (uint)LoadAddress);
        Put32(page, CommandLinePointer, (uint)BootLayout.CommandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(page[AcpiRsdp..], BootLayout.Rsdp);
        E820Entry[] entries = map.E820Entries;
        page[E820Count] = (byte)entries.Length;
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = page.Slice(E820Table + (i * E820EntryLength), E820EntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Range.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], entries[i].Range.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], (uint)entries[i].Type);
        }

        if (!memory.TryWrite(BootLayout.MemoryMapOrZeroPage, page)) throw file.OutsideRam("the zero page", BootLayout.MemoryMapOrZeroPage, ZeroPageLength);
        return Name(version);
    }

    /// <summary>Makes sure that the kernel can unpack itself; its stub trusts the boot loader to have looked.</summary>
    /// <returns>The first address that it leaves alone.</returns>
    private static ulong CheckRoom(PayloadFile file, MemoryMap map, ReadOnlySpan<byte> page, ushort version, ulong end)
    {
        if (version < 0x020A) return end;
        ulong alignment = U32(page, KernelAlignment);
        if (!ulong.IsPow2(alignment)) throw file.Bad($"kernel alignment 0x{alignment:x} is not a power of two: the image is damaged");
        ulong preferred = BinaryPrimitives.ReadUInt64LittleEndian(page[PreferredAddress..]);
        ulong needed = U32(page, InitSize);
        // It runs where it was loaded, rounded up, but not below its preferred address.
        ulong run = page[Relocatable] != 0 ? (LoadAddress + (alignment - 1)) & ~(alignment - 1) : LoadAddress;
        run = Math.Max(run, preferred);
        if (run > map.LowRam.End || needed > map.LowRam.End - run)
        {
            throw file.Bad($"the kernel needs 0x{needed:x} bytes at 0x{run:x} to unpack itself, which do not lie in guest memory: " +
                "is the memory size too small?");
        }

        return Math.Max(end, run + needed);
    }

    private static string Name(ushort version) => $"{version >> 8}.{version & 0xFF:00}";

    private static ushort U16(ReadOnlySpan<byte> page, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(page[offset..]);

    private static uint U32(ReadOnlySpan<byte> page, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(page[offset..]);

    private static void Put16(Span<byte> page, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(page[offset..], value);

    private static void Put32(Span<byte> page, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(page[offset..], value);
}
