using System.Buffers.Binary;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Boot;

namespace Plugvisor.Machine.Acpi;

/// <summary>Puts the ACPI tables (ACPI 6.3, chapter 5) into guest RAM, the RSDP at <see cref="BootLayout.Rsdp"/> and all others behind it.</summary>
public static class AcpiTables
{
    private const int RsdpLength = 36;
    private const int Alignment = 16;

    /// <summary>Writes all tables. Any one thread, before the guest runs.</summary>
    /// <returns>First address after them.</returns>
    /// <exception cref="BootException">The machine is so large that they do not fit below the SMBIOS tables.</exception>
    public static ulong Write(MachineDescription machine, GuestMemory memory)
    {
        byte[] dsdt = Dsdt.Make(machine);
        int madtLength = Madt.Length(machine), mcfgLength = Mcfg.Length(machine);
        const int Tables = 3;
        int fadtAt = Align(RsdpLength), madtAt = fadtAt + Align(Fadt.Length), mcfgAt = madtAt + Align(madtLength);
        int xsdtAt = mcfgAt + Align(mcfgLength), xsdtLength = AcpiTable.HeaderLength + (Tables * sizeof(ulong));
        int dsdtAt = xsdtAt + Align(xsdtLength), end = dsdtAt + dsdt.Length;
        if (end > (int)(BootLayout.Smbios - BootLayout.Rsdp))
        {
            throw new BootException(
                $"the ACPI tables of a machine with {machine.MaxVcpus} vCPUs and {machine.Segments.Length} PCI segments take {end} bytes, " +
                $"{BootLayout.Smbios - BootLayout.Rsdp} fit: lower the number of vCPUs");
        }

        // Built apart and copied at once: the DSDT is the largest and last part, so the rest is a few hundred bytes.
        Span<byte> tables = new byte[dsdtAt];
        WriteRsdp(tables, BootLayout.Rsdp + (ulong)xsdtAt);
        Fadt.Write(tables[fadtAt..], machine, BootLayout.Rsdp + (ulong)dsdtAt);
        Madt.Write(tables[madtAt..], machine);
        Mcfg.Write(tables[mcfgAt..], machine);
        Span<byte> xsdt = tables.Slice(xsdtAt, xsdtLength);
        BinaryPrimitives.WriteUInt64LittleEndian(xsdt[36..], BootLayout.Rsdp + (ulong)fadtAt);
        BinaryPrimitives.WriteUInt64LittleEndian(xsdt[44..], BootLayout.Rsdp + (ulong)madtAt);
        BinaryPrimitives.WriteUInt64LittleEndian(xsdt[52..], BootLayout.Rsdp + (ulong)mcfgAt);
        AcpiTable.Finish(xsdt, "XSDT"u8, 1, "CHXSDT  "u8);

        if (!memory.TryWrite(BootLayout.Rsdp, tables) || !memory.TryWrite(BootLayout.Rsdp + (ulong)dsdtAt, dsdt))
            throw new BootException("guest memory has no low memory for the ACPI tables");
        return BootLayout.Rsdp + (ulong)end;
    }

    /// <summary>The root pointer (section 5.2.5.3): revision 2, no RSDT.</summary>
    private static void WriteRsdp(Span<byte> rsdp, ulong xsdt)
    {
        rsdp = rsdp[..RsdpLength];
        "RSD PTR "u8.CopyTo(rsdp);
        AcpiTable.OemId.CopyTo(rsdp[9..]);
        rsdp[15] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(rsdp[20..], RsdpLength);
        BinaryPrimitives.WriteUInt64LittleEndian(rsdp[24..], xsdt);
        rsdp[8] = AcpiTable.Checksum(rsdp[..20]);
        rsdp[32] = AcpiTable.Checksum(rsdp);
    }

    private static int Align(int length) => (length + (Alignment - 1)) & ~(Alignment - 1);
}
