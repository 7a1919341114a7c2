using System.Buffers.Binary;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Acpi;

/// <summary>The MADT (ACPI 6.3, section 5.2.12): a local x2APIC for each vCPU that there can ever be, and the I/O APIC.</summary>
internal static class Madt
{
    /// <summary>Bytes of a local x2APIC structure.</summary>
    public const int X2ApicLength = 16;

    private const int IoapicLength = 12, OverrideLength = 10, FixedLength = AcpiTable.HeaderLength + 8;
    private const byte X2ApicType = 9, IoapicType = 1, OverrideType = 2;
    private const uint Enabled = 1, OnlineCapable = 2;
    private const byte SerialIrq = 4;

    /// <summary>Bytes of the table.</summary>
    public static int Length(MachineDescription machine) =>
        FixedLength + (machine.MaxVcpus * X2ApicLength) + IoapicLength + OverrideLength;

    /// <summary>Writes the table.</summary>
    public static void Write(Span<byte> table, MachineDescription machine)
    {
        table = table[..Length(machine)];
        table.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(table[36..], (uint)MemoryMap.LocalApic);
        Span<byte> rest = table[FixedLength..];
        for (int i = 0; i < machine.MaxVcpus; i++)
        {
            WriteX2Apic(rest, machine, i, i < machine.BootVcpus ? Enabled : OnlineCapable);
            rest = rest[X2ApicLength..];
        }

        rest[0] = IoapicType;
        rest[1] = IoapicLength;
        BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], (uint)MemoryMap.Ioapic);
        rest = rest[IoapicLength..];

        rest[0] = OverrideType;
        rest[1] = OverrideLength;
        rest[3] = SerialIrq;
        BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], SerialIrq);
        AcpiTable.Finish(table, "APIC"u8, 5, "CHMADT  "u8);
    }

    /// <summary>Writes what a CPU device's <c>_MAT</c> has: the structure as it is when the vCPU is there.</summary>
    public static void WriteEnabledX2Apic(Span<byte> structure, MachineDescription machine, int vcpu) =>
        WriteX2Apic(structure, machine, vcpu, Enabled);

    private static void WriteX2Apic(Span<byte> structure, MachineDescription machine, int vcpu, uint flags)
    {
        structure[..X2ApicLength].Clear();
        structure[0] = X2ApicType;
        structure[1] = X2ApicLength;
        BinaryPrimitives.WriteUInt32LittleEndian(structure[4..], machine.ApicId(vcpu));
        BinaryPrimitives.WriteUInt32LittleEndian(structure[8..], flags);
        BinaryPrimitives.WriteUInt32LittleEndian(structure[12..], (uint)vcpu);
    }
}
