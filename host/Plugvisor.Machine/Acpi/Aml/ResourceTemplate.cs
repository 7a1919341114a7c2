using System.Buffers.Binary;

namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>
/// Resource descriptors for a <c>_CRS</c> (ACPI 6.3, section 6.4), written into the caller's buffer:
/// <c>aml.NewName("_CRS"u8).Buffer(template.End())</c>.
/// </summary>
internal ref struct ResourceTemplate(Span<byte> buffer)
{
    // General flags of address space descriptors (section 6.4.3.5): fixed at both ends, decoded positively.
    private const byte Fixed = 0x0C, Consumer = 0x01;
    private const byte MemoryType = 0, IoType = 1, BusType = 2;

    private readonly Span<byte> _buffer = buffer;
    private int _length;

    /// <summary>A range of ports that the device decodes with 16 bits (section 6.4.2.5).</summary>
    public void Io(ushort first, ushort lastBase, byte alignment, byte length)
    {
        Span<byte> descriptor = Take(8);
        descriptor[0] = 0x47;
        descriptor[1] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[2..], first);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[4..], lastBase);
        descriptor[6] = alignment;
        descriptor[7] = length;
    }

    /// <summary>An edge-triggered, active-high, exclusive interrupt (section 6.4.3.6).</summary>
    public void Interrupt(uint number)
    {
        Span<byte> descriptor = Take(9);
        descriptor[0] = 0x89;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[1..], 6);
        descriptor[3] = 0x03;       // consumer, edge
        descriptor[4] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[5..], number);
    }

    /// <summary>Writable memory below 4 GiB at a fixed place (section 6.4.3.4).</summary>
    public void Memory32Fixed(uint start, uint length)
    {
        Span<byte> descriptor = Take(12);
        descriptor[0] = 0x86;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[1..], 9);
        descriptor[3] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[4..], start);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], length);
    }

    /// <summary>Bus numbers that a bridge passes on.</summary>
    public void BusNumbers(ushort first, ushort last) => Word(BusType, 0, first, last);

    /// <summary>Ports that a bridge passes on.</summary>
    public void IoWindow(ushort first, ushort last) => Word(IoType, 0x03, first, last);     // the entire range

    /// <summary>Memory below 4 GiB that a bridge passes on, not cacheable.</summary>
    public void MemoryWindow32(uint first, uint last)
    {
        Span<byte> descriptor = Take(26);
        descriptor[0] = 0x87;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[1..], 23);
        descriptor[3] = MemoryType;
        descriptor[4] = Fixed;
        descriptor[5] = 0x01;       // read-write
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[10..], first);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[14..], last);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[22..], last - first + 1);
    }

    /// <summary>Memory that a bridge passes on, not cacheable.</summary>
    public void MemoryWindow64(ulong first, ulong last) => QWord(Fixed, 0x01, first, last);

    /// <summary>Registers of the device itself, not cacheable.</summary>
    public void Registers64(ulong start, ulong length) => QWord(Fixed | Consumer, 0x01, start, start + (length - 1));

    /// <summary>Memory of the device itself, cacheable; the method that returns it fills in the range.</summary>
    public void CacheableMemory64() => QWord(Fixed | Consumer, 0x03, 0, 0xFFFF_FFFF_FFFF_FFFE);

    /// <summary>Offsets in a template that starts with a 64-bit descriptor.</summary>
    public const int Minimum64 = 14, Maximum64 = 22, Length64 = 38;

    /// <summary>Adds the end tag (section 6.4.2.9).</summary>
    /// <returns>The template.</returns>
    public ReadOnlySpan<byte> End()
    {
        // Checksum 0: "treated as correct".
        Take(2)[0] = 0x79;
        return _buffer[.._length];
    }

    private void Word(byte type, byte typeFlags, ushort first, ushort last)
    {
        Span<byte> descriptor = Take(16);
        descriptor[0] = 0x88;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[1..], 13);
        descriptor[3] = type;
        descriptor[4] = Fixed;
        descriptor[5] = typeFlags;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[8..], first);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[10..], last);
        // 64 Ki ports do not fit in 16 bits, so nobody may ask for all of them.
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], checked((ushort)(last - first + 1)));
    }

    private void QWord(byte generalFlags, byte typeFlags, ulong first, ulong last)
    {
        Span<byte> descriptor = Take(46);
        descriptor[0] = 0x8A;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[1..], 43);
        descriptor[3] = MemoryType;
        descriptor[4] = generalFlags;
        descriptor[5] = typeFlags;
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[14..], first);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[22..], last);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[38..], last - first + 1);
    }

    private Span<byte> Take(int count)
    {
        Span<byte> taken = _buffer.Slice(_length, count);
        taken.Clear();
        _length += count;
        return taken;
    }
}
