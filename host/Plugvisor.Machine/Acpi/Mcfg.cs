using System.Buffers.Binary;

namespace Plugvisor.Machine.Acpi;

/// <summary>The MCFG (PCI Firmware specification 3.2, section 4.1.2): where each segment's configuration space is.</summary>
internal static class Mcfg
{
    private const int FixedLength = AcpiTable.HeaderLength + 8, EntryLength = 16;

    /// <summary>Bytes of the table.</summary>
    public static int Length(MachineDescription machine) => FixedLength + (machine.Segments.Length * EntryLength);

    /// <summary>Writes the table.</summary>
    public static void Write(Span<byte> table, MachineDescription machine)
    {
        table = table[..Length(machine)];
        table.Clear();
        for (int i = 0; i < machine.Segments.Length; i++)
        {
            Span<byte> entry = table.Slice(FixedLength + (i * EntryLength), EntryLength);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, machine.Segments[i].Ecam);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)machine.Segments[i].Id);
            // First and last bus: one bus, number 0.
        }

        AcpiTable.Finish(table, "MCFG"u8, 1, "CHMCFG  "u8);
    }
}
