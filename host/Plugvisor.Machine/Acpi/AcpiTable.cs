using System.Buffers.Binary;

namespace Plugvisor.Machine.Acpi;

/// <summary>The header and the checksum that all ACPI tables but the RSDP have (ACPI 6.3, section 5.2.6).</summary>
internal static class AcpiTable
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 36;

    /// <summary>Who made the tables, as guests and their drivers know it.</summary>
    public static ReadOnlySpan<byte> OemId => "CLOUDH"u8;

    /// <summary>Writes the header of a table whose body is in place, and the checksum over both.</summary>
    /// <param name="table">The whole table.</param>
    /// <param name="signature">Four characters.</param>
    /// <param name="revision">Revision of this table.</param>
    /// <param name="oemTableId">Eight characters.</param>
    public static void Finish(Span<byte> table, ReadOnlySpan<byte> signature, byte revision, ReadOnlySpan<byte> oemTableId)
    {
        signature.CopyTo(table);
        BinaryPrimitives.WriteUInt32LittleEndian(table[4..], (uint)table.Length);
        table[8] = revision;
        table[9] = 0;
        OemId.CopyTo(table[10..]);
        oemTableId.CopyTo(table[16..]);
        BinaryPrimitives.WriteUInt32LittleEndian(table[24..], 1);
        "PLGV"u8.CopyTo(table[28..]);
        BinaryPrimitives.WriteUInt32LittleEndian(table[32..], 1);
        table[9] = Checksum(table);
    }

    /// <summary>The byte that makes the sum of all bytes 0.</summary>
    public static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte b in bytes) sum += b;
        return (byte)-sum;
    }
}
