using System.Buffers.Binary;
using System.Text;
using Plugvisor.Machine.Boot;

namespace Plugvisor.Machine.Smbios;

/// <summary>
/// One structure while it is written: its formatted part, then its strings, which the formatted part names by number
/// (DMTF DSP0134, sections 6.1.2 and 6.1.3).
/// </summary>
internal ref struct SmbiosStructure
{
    private const int HeaderLength = 4;

    private readonly Span<byte> _buffer;
    private readonly int _start;
    private int _end;
    private int _strings;

    /// <summary>Starts a structure at <paramref name="start"/>.</summary>
    /// <exception cref="BootException">The tables are full.</exception>
    public SmbiosStructure(Span<byte> buffer, int start, byte type, ushort handle, byte length)
    {
        _buffer = buffer;
        _start = start;
        _end = start;
        Take(length);
        buffer[start] = type;
        buffer[start + 1] = length;
        BinaryPrimitives.WriteUInt16LittleEndian(buffer[(start + 2)..], handle);
    }

    /// <summary>The formatted part behind its header; offsets in the specification count from the header.</summary>
    public readonly Span<byte> At(int offset) => _buffer[(_start + offset)..(_start + _buffer[_start + 1])];

    /// <summary>Adds a string.</summary>
    /// <param name="text">The string; null and empty stand for none, since an empty string would end the structure.</param>
    /// <param name="what">Its name in errors.</param>
    /// <returns>Its number, or 0 for none.</returns>
    /// <exception cref="BootException">It has a NUL in it, or the tables are full.</exception>
    public byte Add(string? text, string what)
    {
        if (string.IsNullOrEmpty(text)) return 0;
        if (text.Contains('\0')) throw new BootException($"the platform's {what} has a NUL character in it");
        Encoding.UTF8.GetBytes(text, Take(Encoding.UTF8.GetByteCount(text) + 1));
        return (byte)++_strings;
    }

    /// <summary>Writes a string's number into the formatted part.</summary>
    /// <inheritdoc cref="Add(string?, string)"/>
    public void Add(string? text, string what, int offset) => _buffer[_start + offset] = Add(text, what);

    /// <summary>Ends the structure.</summary>
    /// <returns>Where the next one starts.</returns>
    public int End()
    {
        Take(_strings == 0 ? 2 : 1);
        return _end;
    }

    private Span<byte> Take(int count)
    {
        if (count > _buffer.Length - _end)
            throw new BootException("the platform's strings do not fit in the SMBIOS tables: shorten them");
        Span<byte> taken = _buffer.Slice(_end, count);
        taken.Clear();
        _end += count;
        return taken;
    }
}
