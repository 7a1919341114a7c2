using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Acpi;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Smbios;

/// <summary>
/// The table by which guests without ACPI find their processors and interrupts (Intel MultiProcessor Specification 1.4, chapter 4).
/// </summary>
public static class MpTable
{
    private const int PointerLength = 16, HeaderLength = 44, ProcessorLength = 20, OtherLength = 8;
    private const int IsaIrqs = 16;
    private const byte Processor = 0, Bus = 1, Ioapic = 2, Interrupt = 3, LocalInterrupt = 4;
    private const byte Enabled = 1, BootProcessor = 2;
    private const byte Vectored = 0, Nmi = 1, External = 3;
    private const byte ApicVersion = 0x14;
    private const byte IoapicId = 0xFF;
    private const byte AllApics = 0xFF;
    private const uint HighestApicId = 253;

    /// <summary>Writes the table for the vCPUs that are there at boot, when 8 bits are enough for their APIC ids.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="address">Where it may start; it starts at the next multiple of 16.</param>
    /// <returns>False when there is none: too many vCPUs, or no room below 1 MiB.</returns>
    public static bool TryWrite(MachineDescription machine, GuestMemory memory, ulong address)
    {
        address = (address + 15) & ~15UL;
        int vcpus = machine.BootVcpus;
        for (int i = 0; i < vcpus; i++)
        {
            if (machine.ApicId(i) > HighestApicId) return false;
        }

        const int Others = 2 + IsaIrqs + 2;
        int tableLength = HeaderLength + (vcpus * ProcessorLength) + (Others * OtherLength);
        if (address + (ulong)(PointerLength + tableLength) > MemoryMap.HighMemoryStart) return false;

        Span<byte> buffer = new byte[PointerLength + tableLength];
        Span<byte> table = buffer[PointerLength..];
        Span<byte> rest = table[HeaderLength..];
        for (int i = 0; i < vcpus; i++)
        {
            rest[0] = Processor;
            rest[1] = (byte)machine.ApicId(i);
            rest[2] = ApicVersion;
            rest[3] = (byte)(Enabled | (i == 0 ? BootProcessor : 0));
            BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], 0x600);     // family 6
            BinaryPrimitives.WriteUInt32LittleEndian(rest[8..], 0x201);     // FPU and local APIC
            rest = rest[ProcessorLength..];
        }

        rest[0] = Bus;
        "ISA   "u8.CopyTo(rest[2..]);
        rest = rest[OtherLength..];
        rest[0] = Ioapic;
        rest[1] = IoapicId;
        rest[2] = ApicVersion;
        rest[3] = Enabled;
        BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], (uint)MemoryMap.Ioapic);
        rest = rest[OtherLength..];
        for (byte irq = 0; irq < IsaIrqs; irq++) rest = Route(rest, Interrupt, Vectored, irq, IoapicId, irq);
        rest = Route(rest, LocalInterrupt, External, 0, 0, 0);
        Route(rest, LocalInterrupt, Nmi, 0, AllApics, 1);

        "PCMP"u8.CopyTo(table);
        BinaryPrimitives.WriteUInt16LittleEndian(table[4..], (ushort)tableLength);
        table[6] = 4;       // version 1.4
        "CLOUDH  "u8.CopyTo(table[8..]);
        "000000000000"u8.CopyTo(table[16..]);
        BinaryPrimitives.WriteUInt16LittleEndian(table[34..], (ushort)(vcpus + Others));
        BinaryPrimitives.WriteUInt32LittleEndian(table[36..], (uint)MemoryMap.LocalApic);
        table[7] = AcpiTable.Checksum(table);

        "_MP_"u8.CopyTo(buffer);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer[4..], (uint)address + PointerLength);
        buffer[8] = 1;      // in paragraphs of 16 bytes
        buffer[9] = 4;
        buffer[10] = AcpiTable.Checksum(buffer[..PointerLength]);
        return memory.TryWrite(address, buffer);
    }

    private static Span<byte> Route(Span<byte> entry, byte type, byte kind, byte irq, byte apic, byte pin)
    {
        entry[0] = type;
        entry[1] = kind;
        entry[5] = irq;     // of bus 0; polarity and trigger mode as the bus has them
        entry[6] = apic;
        entry[7] = pin;
        return entry[OtherLength..];
    }
}
