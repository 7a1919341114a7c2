using System.Buffers.Binary;

namespace Plugvisor.Machine.Acpi.Aml;

/// <summary>
/// Writes ACPI Machine Language (ACPI 6.3, chapter 20) in the order of the bytes: an operator, then its operands.
/// A block's length stands before its body, so closing a block moves the body by the width of the length.
/// </summary>
/// <remarks>
/// Names are given as ASCII, such as <c>\_SB_.PHPR</c>; a wrong name is a bug of the caller and throws.
/// <c>aml.Store().One().Name("CEJ0"u8)</c> is <c>CEJ0 = One</c>: source first, target last, as in the encoding.
/// </remarks>
internal sealed class AmlWriter
{
    private const byte ExtendedPrefix = 0x5B;
    private const int MaxPackageLength = (1 << 28) - 1;

    private byte[] _buffer;
    private int _length;

    /// <summary>A writer with room for <paramref name="capacity"/> bytes before it has to grow.</summary>
    public AmlWriter(int capacity = 8192) => _buffer = new byte[capacity];

    /// <summary>What is written so far. Complete when no block is open.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    // Data objects (section 20.2.3)

    /// <summary>The integer 0 as its opcode.</summary>
    public AmlWriter Zero() => Byte(0x00);

    /// <summary>The integer 1 as its opcode.</summary>
    public AmlWriter One() => Byte(0x01);

    /// <summary>An integer in its shortest form.</summary>
    public AmlWriter Integer(ulong value)
    {
        switch (value)
        {
            case <= 1: return Byte((byte)value);
            case <= byte.MaxValue: return Byte(0x0A).Byte((byte)value);
            case <= ushort.MaxValue:
                Byte(0x0B);
                BinaryPrimitives.WriteUInt16LittleEndian(Take(2), (ushort)value);
                return this;
            case <= uint.MaxValue: return Byte(0x0C).UInt32((uint)value);
            default:
                Byte(0x0E);
                BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);
                return this;
        }
    }

    /// <summary>A string of ASCII characters.</summary>
    public AmlWriter String(ReadOnlySpan<byte> text) => Byte(0x0D).Bytes(text).Byte(0);

    /// <summary>A buffer that holds these bytes.</summary>
    public AmlWriter Buffer(ReadOnlySpan<byte> content)
    {
        using (Open(0x11)) Integer((ulong)content.Length).Bytes(content);
        return this;
    }

    /// <summary>A seven-character EISA id such as <c>PNP0A08</c>, compressed to a DWord (section 19.3.4, EISAID).</summary>
    public AmlWriter EisaId(ReadOnlySpan<byte> id)
    {
        if (id.Length != 7) throw new ArgumentException("an EISA id has 7 characters", nameof(id));
        uint value = (uint)(((id[0] - '@') << 26) | ((id[1] - '@') << 21) | ((id[2] - '@') << 16));
        for (int i = 3; i < 7; i++)
        {
            int digit = id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10;
            value |= (uint)digit << (4 * (6 - i));
        }

        // Big-endian: the bytes of an EISA id are in reading order.
        return Byte(0x0C).UInt32(BinaryPrimitives.ReverseEndianness(value));
    }

    /// <summary>A package; its elements are written inside.</summary>
    public AmlBlock Package(byte count)
    {
        AmlBlock block = Open(0x12);
        Byte(count);
        return block;
    }

    // Names and arguments (sections 20.2.2 and 20.2.6)

    /// <summary>A name string: the object itself, or a call when it is a method, whose arguments follow.</summary>
    public AmlWriter Name(ReadOnlySpan<byte> path)
    {
        while (!path.IsEmpty && path[0] is (byte)'\\' or (byte)'^')
        {
            Byte(path[0]);
            path = path[1..];
        }

        int segments = 1;
        foreach (byte c in path)
        {
            if (c == '.') segments++;
        }

        if (segments == 2) Byte(0x2E);
        else if (segments > 2) Byte(0x2F).Byte((byte)segments);
        while (true)
        {
            int dot = path.IndexOf((byte)'.');
            Segment(dot < 0 ? path : path[..dot]);
            if (dot < 0) return this;
            path = path[(dot + 1)..];
        }
    }

    /// <summary>Local0 to Local7.</summary>
    public AmlWriter Local(int number) => Byte((byte)(0x60 + number));

    /// <summary>Arg0 to Arg6.</summary>
    public AmlWriter Argument(int number) => Byte((byte)(0x68 + number));

    /// <summary>No target: the value of the expression is used as it is.</summary>
    public AmlWriter NoTarget() => Byte(0x00);

    // Named objects (section 20.2.5)

    /// <summary>A new name; its value follows.</summary>
    public AmlWriter NewName(ReadOnlySpan<byte> path) => Byte(0x08).Name(path);

    /// <summary>A device.</summary>
    public AmlBlock Device(ReadOnlySpan<byte> path)
    {
        AmlBlock block = OpenExtended(0x82);
        Name(path);
        return block;
    }

    /// <summary>A control method.</summary>
    public AmlBlock Method(ReadOnlySpan<byte> path, int arguments, bool serialized)
    {
        AmlBlock block = Open(0x14);
        Name(path).Byte((byte)(arguments | (serialized ? 8 : 0)));
        return block;
    }

    /// <summary>A mutex with synchronization level 0.</summary>
    public AmlWriter Mutex(ReadOnlySpan<byte> path) => Extended(0x01).Name(path).Byte(0);

    /// <summary>An operation region.</summary>
    public AmlWriter Region(ReadOnlySpan<byte> path, AmlRegionSpace space, ulong address, ulong length) =>
        Extended(0x80).Name(path).Byte((byte)space).Integer(address).Integer(length);

    /// <summary>Fields of a region, without the global lock; <see cref="FieldUnit"/> and <see cref="FieldGap"/> follow inside.</summary>
    public AmlBlock Fields(ReadOnlySpan<byte> region, AmlFieldAccess access, AmlFieldUpdate update)
    {
        AmlBlock block = OpenExtended(0x81);
        Name(region).Byte((byte)((int)access | ((int)update << 5)));
        return block;
    }

    /// <summary>The next field of the region.</summary>
    public AmlWriter FieldUnit(ReadOnlySpan<byte> segment, int bits)
    {
        Segment(segment);
        WriteLength(bits, LengthWidth(bits, 0));
        return this;
    }

    /// <summary>Bits of the region that have no name.</summary>
    public AmlWriter FieldGap(int bits)
    {
        Byte(0x00);
        WriteLength(bits, LengthWidth(bits, 0));
        return this;
    }

    /// <summary>A field of 64 bits in a buffer.</summary>
    public AmlWriter QWordField(ReadOnlySpan<byte> buffer, ulong offset, ReadOnlySpan<byte> segment) =>
        Byte(0x8F).Name(buffer).Integer(offset).Name(segment);

    // Statements (section 20.2.5.3)

    /// <summary>Takes a mutex, without a time limit.</summary>
    public AmlWriter Acquire(ReadOnlySpan<byte> mutex) => Extended(0x23).Name(mutex).Byte(0xFF).Byte(0xFF);

    /// <summary>Gives a mutex back.</summary>
    public AmlWriter Release(ReadOnlySpan<byte> mutex) => Extended(0x27).Name(mutex);

    /// <summary>Notify; the object and the value follow.</summary>
    public AmlWriter Notify() => Byte(0x86);

    /// <summary>Return; the value follows.</summary>
    public AmlWriter Return() => Byte(0xA4);

    /// <summary>If; the condition follows inside, then the statements.</summary>
    public AmlBlock If() => Open(0xA0);

    /// <summary>Else, right behind the block of an If.</summary>
    public AmlBlock Else() => Open(0xA1);

    /// <summary>While; the condition follows inside, then the statements.</summary>
    public AmlBlock While() => Open(0xA2);

    // Expressions (section 20.2.5.4)

    /// <summary>Store; source and target follow.</summary>
    public AmlWriter Store() => Byte(0x70);

    /// <summary>Add; two operands and the target follow.</summary>
    public AmlWriter Add() => Byte(0x72);

    /// <summary>Subtract; two operands and the target follow.</summary>
    public AmlWriter Subtract() => Byte(0x74);

    /// <summary>Shift left; operand, count and target follow.</summary>
    public AmlWriter ShiftLeft() => Byte(0x79);

    /// <summary>Bitwise and; two operands and the target follow.</summary>
    public AmlWriter And() => Byte(0x7B);

    /// <summary>Bitwise or; two operands and the target follow.</summary>
    public AmlWriter Or() => Byte(0x7D);

    /// <summary>Equality; two operands follow.</summary>
    public AmlWriter Equal() => Byte(0x93);

    /// <summary>Less than; two operands follow.</summary>
    public AmlWriter Less() => Byte(0x95);

    /// <summary>Ends a block. Called by <see cref="AmlBlock"/> alone.</summary>
    internal void Close(int lengthAt)
    {
        // The length counts its own bytes too (section 20.2.4).
        int body = _length - lengthAt;
        int width = LengthWidth(body, 1);
        Take(width);
        _buffer.AsSpan(lengthAt, body).CopyTo(_buffer.AsSpan(lengthAt + width));
        _length = lengthAt;
        WriteLength(body + width, width);
        _length += body;
    }

    private AmlBlock Open(byte opcode)
    {
        Byte(opcode);
        return new AmlBlock(this, _length);
    }

    private AmlBlock OpenExtended(byte opcode)
    {
        Extended(opcode);
        return new AmlBlock(this, _length);
    }

    /// <summary>Bytes that the shortest encoding of a package length takes.</summary>
    /// <param name="value">The length.</param>
    /// <param name="countsItself">1 when the encoded length includes its own bytes, else 0.</param>
    private static int LengthWidth(int value, int countsItself)
    {
        if (value + countsItself < 1 << 6) return 1;
        if (value + (2 * countsItself) < 1 << 12) return 2;
        if (value + (3 * countsItself) < 1 << 20) return 3;
        if (value + (4 * countsItself) <= MaxPackageLength) return 4;
        throw new InvalidOperationException($"an AML block of {value} bytes is too long");
    }

    private void WriteLength(int value, int width)
    {
        if (width == 1)
        {
            Byte((byte)value);
            return;
        }

        Byte((byte)(((width - 1) << 6) | (value & 0xF)));
        value >>= 4;
        for (int i = 1; i < width; i++)
        {
            Byte((byte)value);
            value >>= 8;
        }
    }

    private void Segment(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > 4) throw new ArgumentException("a segment of an AML name has 1 to 4 characters", nameof(name));
        for (int i = 0; i < name.Length; i++)
        {
            bool valid = name[i] is >= (byte)'A' and <= (byte)'Z' or (byte)'_' || (i > 0 && name[i] is >= (byte)'0' and <= (byte)'9');
            if (!valid) throw new ArgumentException("a segment of an AML name has capital letters, digits and underscores", nameof(name));
        }

        Bytes(name);
        for (int i = name.Length; i < 4; i++) Byte((byte)'_');
    }

    private AmlWriter Extended(byte opcode) => Byte(ExtendedPrefix).Byte(opcode);

    private AmlWriter UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);
        return this;
    }

    private AmlWriter Byte(byte value)
    {
        Take(1)[0] = value;
        return this;
    }

    private AmlWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Take(bytes.Length));
        return this;
    }

    private Span<byte> Take(int count)
    {
        if (count > _buffer.Length - _length) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        Span<byte> taken = _buffer.AsSpan(_length, count);
        _length += count;
        return taken;
    }
}
