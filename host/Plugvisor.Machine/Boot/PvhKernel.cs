using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>
/// Loads an ELF file that has a PVH entry, 32- or 64-bit: a vmlinux or a firmware. Sources: System V ABI, chapter 5 (program headers,
/// notes); Xen, docs/misc/pvh.pandoc and xen/include/public/elfnote.h.
/// </summary>
internal static unsafe class PvhKernel
{
    private const int HeaderLength = 64;
    private const int MaxProgramHeaders = 128;
    private const int MaxNotes = 16384;
    private const int PT_LOAD = 1, PT_NOTE = 4;
    private const uint XEN_ELFNOTE_PHYS32_ENTRY = 18;
    private const ushort EM_386 = 3, EM_X86_64 = 62;

    /// <summary>Whether the file's first bytes say that it is ELF.</summary>
    public static bool Matches(ReadOnlySpan<byte> start) => start.StartsWith("\x7f"u8) && start[1..].StartsWith("ELF"u8);

    /// <summary>Copies the segments into guest RAM.</summary>
    /// <param name="file">The file.</param>
    /// <param name="memory">Guest RAM, zeroed: what a segment has no bytes for is left as it is.</param>
    /// <param name="end">First address after the highest segment.</param>
    /// <returns>The address of the 32-bit entry.</returns>
    /// <exception cref="BootException">The file is not a good PVH ELF file.</exception>
    public static uint Load(PayloadFile file, GuestMemory memory, out ulong end)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        header.Clear();
        file.Read(0, header[..(int)Math.Min(HeaderLength, file.Length)], "the ELF header");
        bool is64 = header[4] switch
        {
            1 => false,
            2 => true,
            _ => throw file.Bad($"not an ELF file of 32 or 64 bits (class {header[4]})"),
        };
        if (file.Length < (ulong)(is64 ? 64 : 52)) throw file.Bad("the ELF header is truncated");
        if (header[5] != 1) throw file.Bad("not a little-endian ELF file");
        ushort machine = U16(header[18..]);
        if (machine is not (EM_386 or EM_X86_64)) throw file.Bad($"an ELF file for another processor than x86 (machine {machine})");

        ulong tableOffset = is64 ? U64(header[32..]) : U32(header[28..]);
        int entryLength = U16(header[(is64 ? 54 : 42)..]);
        int count = U16(header[(is64 ? 56 : 44)..]);
        if (entryLength != (is64 ? 56 : 32)) throw file.Bad($"ELF program headers of {entryLength} bytes");
        if (count is 0 or > MaxProgramHeaders) throw file.Bad($"{count} ELF program headers: 1 to {MaxProgramHeaders} are possible");

        Span<byte> table = stackalloc byte[MaxProgramHeaders * 56];
        table = table[..(count * entryLength)];
        file.Read(tableOffset, table, "the table of ELF program headers");
        // An array: code for spans of our own structs would be compiled at run time.
        var segments = new Segment[count];
        for (int i = 0; i < count; i++) segments[i] = Segment.Parse(table[(i * entryLength)..], is64);

        // The note first: a kernel without it should not have cost reading all of it.
        if (!TryFindEntry(file, segments, out uint entry))
            throw file.Bad("Kernel lacks PVH header (no Xen note with a PVH entry in the ELF file; Linux needs CONFIG_PVH=y)");
        end = Copy(file, memory, segments);
        if (!memory.TryTranslate(entry, 1, out _)) throw file.OutsideRam("the PVH entry", entry, 1);
        return entry;
    }

    private static ulong Copy(PayloadFile file, GuestMemory memory, Segment[] segments)
    {
        ulong end = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            Segment segment = segments[i];
            if (segment.Type != PT_LOAD || segment.MemoryLength == 0) continue;
            string what = $"ELF segment {i}";
            if (segment.FileLength > segment.MemoryLength) throw file.Bad($"{what} is longer in the file than in memory");
            if (!memory.TryTranslate(segment.Address, (nuint)segment.MemoryLength, out _))
                throw file.OutsideRam(what, segment.Address, segment.MemoryLength);

            // In RAM, so no sum wraps. Overlaps would let a small file cause endless copying.
            for (int j = 0; j < i; j++)
            {
                Segment other = segments[j];
                if (other.Type == PT_LOAD && segment.Address < other.Address + other.MemoryLength &&
                    other.Address < segment.Address + segment.MemoryLength)
                {
                    throw file.Bad($"{what} overlaps ELF segment {j}");
                }
            }

            file.ReadToGuest(segment.Offset, segment.FileLength, memory, segment.Address, what);
            end = Math.Max(end, segment.Address + segment.MemoryLength);
        }

        return end > 0 ? end : throw file.Bad("no ELF segment to load");
    }

    private static bool TryFindEntry(PayloadFile file, Segment[] segments, out uint entry)
    {
        Span<byte> notes = stackalloc byte[MaxNotes];
        for (int i = 0; i < segments.Length; i++)
        {
            Segment segment = segments[i];
            if (segment.Type != PT_NOTE) continue;
            Span<byte> rest = notes[..(int)Math.Min(segment.FileLength, MaxNotes)];
            file.Read(segment.Offset, rest, $"ELF note segment {i}");
            ulong alignment = segment.Alignment == 8 ? 8UL : 4UL;
            while (rest.Length >= 12)
            {
                ulong nameLength = U32(rest), descriptorLength = U32(rest[4..]);
                uint type = U32(rest[8..]);
                ulong descriptor = AlignUp(12 + nameLength, alignment);
                if (type == XEN_ELFNOTE_PHYS32_ENTRY && nameLength == 4 && descriptorLength is 4 or 8 &&
                    descriptor + descriptorLength <= (ulong)rest.Length && rest[12..].StartsWith("Xen\0"u8))
                {
                    // Eight bytes for a 32-bit address: Linux writes the note with the word size of its build.
                    entry = U32(rest[(int)descriptor..]);
                    return descriptorLength == 4 || U32(rest[((int)descriptor + 4)..]) == 0
                        ? true
                        : throw file.Bad("the PVH entry lies above 4 GiB");
                }

                ulong next = AlignUp(descriptor + descriptorLength, alignment);
                if (next >= (ulong)rest.Length) break;
                rest = rest[(int)next..];
            }
        }

        entry = 0;
        return false;
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + (alignment - 1)) & ~(alignment - 1);

    private static ushort U16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static ulong U64(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    private readonly record struct Segment(
        uint Type, ulong Offset, ulong Address, ulong FileLength, ulong MemoryLength, ulong Alignment)
    {
        public static Segment Parse(ReadOnlySpan<byte> bytes, bool is64) => is64
            ? new(U32(bytes), U64(bytes[8..]), U64(bytes[24..]), U64(bytes[32..]), U64(bytes[40..]), U64(bytes[48..]))
            : new(U32(bytes), U32(bytes[4..]), U32(bytes[12..]), U32(bytes[16..]), U32(bytes[20..]), U32(bytes[28..]));
    }
}
