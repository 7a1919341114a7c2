using System.Buffers.Binary;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Acpi;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Acpi;

public sealed class AcpiTablesTests
{
    private const ulong MiB = 1 << 20, GiB = 1 << 30;

    [Fact]
    public void All_tables_hang_on_the_root_pointer_with_good_checksums()
    {
        using GuestRam ram = Write(Machine());
        byte[] rsdp = Read(ram, 0xA0000, 36);
        Assert.Equal("RSD PTR "u8, rsdp.AsSpan(0, 8));
        Assert.Equal(2, rsdp[15]);
        Assert.Equal(0, Sum(rsdp.AsSpan(0, 20)));
        Assert.Equal(0, Sum(rsdp));

        byte[] xsdt = Table(ram, U64(rsdp, 24));
        Assert.Equal("XSDT"u8, xsdt.AsSpan(0, 4));
        Assert.Equal(36 + (3 * 8), xsdt.Length);
        string signatures = "";
        foreach (byte[] table in new[] { xsdt, Find(ram, "FACP"), Find(ram, "APIC"), Find(ram, "MCFG"), Find(ram, "DSDT") })
        {
            Assert.Equal(0, Sum(table));
            Assert.Equal("CLOUDH"u8, table.AsSpan(10, 6));
            signatures += System.Text.Encoding.ASCII.GetString(table, 0, 4) + table[8] + " ";
        }

        Assert.Equal("XSDT1 FACP6 APIC5 MCFG1 DSDT6 ", signatures);
    }

    [Theory]
    [InlineData("FACP")]
    [InlineData("APIC")]
    [InlineData("MCFG")]
    [InlineData("XSDT")]
    [InlineData("DSDT")]
    public void Tables_survive_disassembly_and_compilation(string signature)
    {
        using GuestRam ram = Write(Machine(segments: 2, hotplug: true));
        byte[] table = Find(ram, signature);

        (string _, byte[] compiled) = Iasl.RoundTrip(table, signature.ToLowerInvariant());

        // This iasl knows only the first bit of the flags of a local APIC and drops "online capable".
        if (signature == "APIC")
        {
            for (int at = 44; table[at] == 9; at += 16) table[at + 8] &= 1;
        }

        // Everything but checksum and compiler, which are other bytes of the header.
        Assert.Equal(table.Length, compiled.Length);
        Assert.Equal(table.AsSpan(0, 9), compiled.AsSpan(0, 9));
        Assert.True(table.AsSpan(36).SequenceEqual(compiled.AsSpan(36)));
    }

    [Fact]
    public void Dsdt_names_the_platform_as_guests_know_it()
    {
        using GuestRam ram = Write(Machine());
        (string source, _) = Iasl.RoundTrip(Find(ram, "DSDT"), "dsdt");

        foreach (string expected in new[]
        {
            """Device (\_SB.PHPR)""", """Name (_HID, EisaId ("PNP0A06")""", "OperationRegion (PCST, SystemMemory, 0x000000FFFFFEF000, 0x10)",
            """Device (\_SB.PC00)""", """Name (_HID, EisaId ("PNP0A08") /* PCI Express Bus */)""", """Name (_CID, EisaId ("PNP0A03")""",
            "Device (S000)", "Device (S031)", """\_SB.PHPR.PCEJ (_SUN, _SEG)""", "Name (_ADR, 0x001F0000)",
            """Device (\_SB.MBRD)""", """EisaId ("PNP0C02")""", "0xE8000000,         // Address Base",
            """Device (\_SB.COM1)""", """EisaId ("PNP0501")""", "0x00000004,",
            """Name (\_S5, Package (0x04)""", """Device (\_SB.PWRB)""", """EisaId ("PNP0C0C")""",
            """Device (\_SB.GEC)""", "OperationRegion (GDST, SystemMemory, 0x000000FFFFFED000, One)",
            """Device (\_SB.GED)""", "\"ACPI0013\"", "0x0000000D,", "Method (_EVT, 1, Serialized)",
            """Notify (\_SB.PWRB, 0x80)""",
            """Device (\_SB.PRES)""", "OperationRegion (PRST, SystemMemory, 0x000000FFFFFEE000, 0x0C)",
            """Device (\_SB.CPUS)""", "\"ACPI0010\"", "Device (C000)", "Device (C003)", "\"ACPI0007\"", "Method (CSCN, 0, Serialized)",
            "ToUUID (\"e5c937d0-3553-4d7a-9117-ea4d19c3434d\")",
            "0xC0000000,         // Range Minimum", "0xE7FFFFFF,         // Range Maximum",
            "0x0000000100000000, // Range Minimum", "0x000000FFFFEEFFFF, // Range Maximum",
        })
        {
            Assert.Contains(expected, source, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("MHPC", source, StringComparison.Ordinal);
        Assert.DoesNotContain("C004", source, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_hotplug_is_there_when_configured()
    {
        using GuestRam ram = Write(Machine(hotplug: true));
        (string source, _) = Iasl.RoundTrip(Find(ram, "DSDT"), "dsdt");

        foreach (string expected in new[]
        {
            """Device (\_SB.MHPC)""", "OperationRegion (MHPR, SystemMemory, 0x000000FFFFFEF000, 0x18)", """EisaId ("PNP0C80")""",
            "Device (M000)", "Device (M007)", """\_SB.MHPC.MSCN ()""", "_MIN, MMIN)", "_MAX, MMAX)", "_LEN, MLEN)",
        })
        {
            Assert.Contains(expected, source, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_event_notifies_the_devices_that_changed()
    {
        using GuestRam ram = Write(Machine(hotplug: true));
        byte[] dsdt = Find(ram, "DSDT");

        // The interpreter's registers are not cleared by reading, and the status bits do not depend on the selector.
        Assert.Equal(
            ["C000 0x01", "C001 0x01", "C002 0x01", "C003 0x01"],
            Notified(Iasl.Execute(dsdt, [@"\_SB.GEC.GDAT 1", @"\_SB.PRES.CINS 1"], @"evaluate \_SB.GED._EVT 13")));
        Assert.Equal(
            ["M000 0x03", "M001 0x03", "M002 0x03", "M003 0x03", "M004 0x03", "M005 0x03", "M006 0x03", "M007 0x03"],
            Notified(Iasl.Execute(dsdt, [@"\_SB.GEC.GDAT 2", @"\_SB.MHPC.MRMV 1"], @"evaluate \_SB.GED._EVT 13")));
        Assert.Equal(
            ["S001 0x01", "S008 0x03", "S031 0x01"],
            Notified(Iasl.Execute(
                dsdt, [@"\_SB.GEC.GDAT 4", @"\_SB.PHPR.PCIU 0x80000002", @"\_SB.PHPR.PCID 0x100"], @"evaluate \_SB.GED._EVT 13")));
        Assert.Equal(["PWRB 0x80"], Notified(Iasl.Execute(dsdt, [@"\_SB.GEC.GDAT 8"], @"evaluate \_SB.GED._EVT 13")));
        Assert.Equal([], Notified(Iasl.Execute(dsdt, [@"\_SB.GEC.GDAT 0", @"\_SB.PHPR.PCIU 2"], @"evaluate \_SB.GED._EVT 13")));
    }

    [Fact]
    public void Status_and_resources_come_from_the_registers()
    {
        using GuestRam ram = Write(Machine(hotplug: true));
        byte[] dsdt = Find(ram, "DSDT");

        Assert.Contains("[Integer] = 000000000000000F", Iasl.Execute(dsdt, [@"\_SB.PRES.CPEN 1"], @"evaluate \_SB.CPUS.C001._STA"), StringComparison.Ordinal);
        Assert.Contains("[Integer] = 0000000000000000", Iasl.Execute(dsdt, [], @"evaluate \_SB.CPUS.C001._STA"), StringComparison.Ordinal);
        Assert.Contains("[Integer] = 000000000000000F", Iasl.Execute(dsdt, [@"\_SB.MHPC.MEN_ 1"], @"evaluate \_SB.MHPC.M001._STA"), StringComparison.Ordinal);

        // Slot 0 at 0x140000000 (its low half is where the selector is written, so it reads 0), 128 MiB long.
        string range = Iasl.Execute(dsdt, [@"\_SB.MHPC.MHBH 1", @"\_SB.MHPC.MHLL 0x8000000"], @"evaluate \_SB.MHPC.M000._CRS");
        Assert.Contains("0000: 8A 2B 00 00 0D 03 00 00 00 00 00 00 00 00 00 00", range, StringComparison.Ordinal);
        Assert.Contains("0010: 00 00 01 00 00 00 FF FF FF 07 01 00 00 00 00 00", range, StringComparison.Ordinal);
        Assert.Contains("0020: 00 00 00 00 00 00 00 00 00 08 00 00 00 00 79 00", range, StringComparison.Ordinal);
    }

    [Fact]
    public void Ejecting_writes_the_slot_and_its_segment()
    {
        using GuestRam ram = Write(Machine(segments: 2));
        byte[] dsdt = Find(ram, "DSDT");

        string output = Iasl.Execute(dsdt, [], @"evaluate \_SB.PC01.S003._EJ0 1", @"evaluate \_SB.PHPR.B0EJ", @"evaluate \_SB.PHPR.PSEG");
        Assert.Contains("[Integer] = 0000000000000008", output, StringComparison.Ordinal);
        Assert.Contains("[Integer] = 0000000000000001", output, StringComparison.Ordinal);
        output = Iasl.Execute(dsdt, [], @"evaluate \_SB.CPUS.C003._EJ0 1", @"evaluate \_SB.PRES.CEJ0", @"evaluate \_SB.PRES.CSEL");
        Assert.Contains("[Integer] = 0000000000000001", output, StringComparison.Ordinal);
        Assert.Contains("[Integer] = 0000000000000003", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Serial_port_can_be_absent()
    {
        using GuestRam ram = Write(Machine() with { HasSerial = false });
        Assert.True(Find(ram, "DSDT").AsSpan().IndexOf("COM1"u8) < 0);
    }

    [Fact]
    public void Segments_have_their_own_root_and_configuration_space()
    {
        using GuestRam ram = Write(Machine(segments: 2));
        byte[] mcfg = Find(ram, "MCFG");
        Assert.Equal(44 + 32, mcfg.Length);
        Assert.Equal((0xE800_0000UL, 0), (U64(mcfg, 44), (int)BinaryPrimitives.ReadUInt16LittleEndian(mcfg.AsSpan(52))));
        Assert.Equal((0xE810_0000UL, 1), (U64(mcfg, 60), (int)BinaryPrimitives.ReadUInt16LittleEndian(mcfg.AsSpan(68))));

        (string source, _) = Iasl.RoundTrip(Find(ram, "DSDT"), "dsdt");
        Assert.Contains("""Device (\_SB.PC01)""", source, StringComparison.Ordinal);
        Assert.Contains("""\_SB.PC01.PCNT ()""", source, StringComparison.Ordinal);
        Assert.Contains("0xE8100000,         // Address Base", source, StringComparison.Ordinal);
    }

    [Fact]
    public void Madt_lists_every_vcpu_that_can_be()
    {
        using GuestRam ram = Write(Machine() with { Topology = new CpuTopology(1, 3, 1, 2), MaxVcpus = 6 });
        byte[] madt = Find(ram, "APIC");

        Assert.Equal(0xFEE0_0000u, U32(madt, 36));
        uint[] ids = [0, 1, 2, 4, 5, 6];
        for (int i = 0; i < 6; i++)
        {
            int at = 44 + (i * 16);
            Assert.Equal((9, 16), (madt[at], madt[at + 1]));
            Assert.Equal(ids[i], U32(madt, at + 4));
            Assert.Equal(i < 2 ? 1u : 2u, U32(madt, at + 8));
            Assert.Equal((uint)i, U32(madt, at + 12));
        }

        int ioapic = 44 + (6 * 16);
        Assert.Equal((1, 12, 0, 0xFEC0_0000u, 0u), (madt[ioapic], madt[ioapic + 1], madt[ioapic + 2], U32(madt, ioapic + 4), U32(madt, ioapic + 8)));
        Assert.Equal([2, 10, 0, 4, 4, 0, 0, 0, 0, 0], madt[(ioapic + 12)..]);
    }

    [Fact]
    public void Fadt_is_hardware_reduced_with_its_registers()
    {
        using GuestRam ram = Write(Machine());
        byte[] fadt = Find(ram, "FACP");

        Assert.Equal(276, fadt.Length);
        Assert.Equal((1u << 20) | (1u << 10) | (1u << 8), U32(fadt, 112));
        Assert.Equal((1, 8, 1, 0x600UL, 1), (fadt[116], fadt[117], fadt[119], U64(fadt, 120), fadt[128]));
        Assert.Equal(3, fadt[131]);
        Assert.Equal((1, 32, 3, 0x608UL), (fadt[208], fadt[209], fadt[211], U64(fadt, 212)));
        Assert.Equal((0x600UL, 0x600UL), (U64(fadt, 248), U64(fadt, 260)));
        Assert.Equal("CLOUDHYP"u8, fadt.AsSpan(268, 8));
        Assert.Equal(0UL, U64(fadt, 152));

        using GuestRam other = Write(Machine() with { HasLegacyPowerBlocks = true });
        fadt = Find(other, "FACP");
        Assert.Equal((0x60Cu, 0x610u, 4, 2), (U32(fadt, 56), U32(fadt, 64), fadt[88], fadt[89]));
        Assert.Equal((0x60CUL, 0x610UL), (U64(fadt, 152), U64(fadt, 176)));
    }

    [Fact]
    public void Large_machines_fit_and_too_large_ones_are_refused()
    {
        using GuestRam ram = Write(Machine() with { MaxVcpus = 1024 });
        Assert.True(Find(ram, "DSDT").Length > 64 * 1024);

        var error = Assert.Throws<BootException>(() => Write(Machine() with { MaxVcpus = 8192 }).Dispose());
        Assert.Contains("8192 vCPUs", error.Message, StringComparison.Ordinal);
    }

    private static List<string> Notified(string output)
    {
        Assert.DoesNotContain("Error", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Warning", output, StringComparison.Ordinal);
        var all = new List<string>();
        foreach (string line in output.Split('\n'))
        {
            int name = line.IndexOf(" Notify on [", StringComparison.Ordinal), value = line.IndexOf(" Value ", StringComparison.Ordinal);
            if (name >= 0) all.Add($"{line.AsSpan(name + 12, 4)}{line.AsSpan(value + 6, 5)}");
        }

        // Each notification runs on a thread of its own, so their order says nothing.
        all.Sort(StringComparer.Ordinal);
        return all;
    }

    internal static MachineDescription Machine(int segments = 1, bool hotplug = false)
    {
        var map = new MemoryMap(64 * MiB, 40, hotplug ? GiB : 0);
        AddressRange[] low = new AddressRange[segments], high = new AddressRange[segments];
        var weights = new uint[segments];
        Array.Fill(weights, 1u);
        MemoryMap.Divide(map.Window32, weights, 4096, low);
        MemoryMap.Divide(map.Window64, weights, 4 * GiB, high);
        var list = new PciSegmentDescription[segments];
        for (int i = 0; i < segments; i++) list[i] = new PciSegmentDescription(i, low[i], high[i]);
        return new MachineDescription(map, BootVcpus: 2, MaxVcpus: 4, list);
    }

    private static GuestRam Write(MachineDescription machine)
    {
        GuestRam ram = GuestRam.Allocate(machine.Map, new GuestRamOptions());
        try
        {
            AcpiTables.Write(machine, ram.Memory);
            return ram;
        }
        catch
        {
            ram.Dispose();
            throw;
        }
    }

    private static byte[] Find(GuestRam ram, string signature)
    {
        byte[] xsdt = Table(ram, U64(Read(ram, 0xA0000, 36), 24));
        if (signature == "XSDT") return xsdt;
        for (int at = 36; at < xsdt.Length; at += 8)
        {
            byte[] table = Table(ram, U64(xsdt, at));
            string found = System.Text.Encoding.ASCII.GetString(table, 0, 4);
            if (found == signature) return table;
            if (found == "FACP" && signature == "DSDT") return Table(ram, U64(table, 140));
        }

        throw new InvalidOperationException($"no {signature}");
    }

    private static byte[] Table(GuestRam ram, ulong address) => Read(ram, address, (int)U32(Read(ram, address, 36), 4));

    private static byte[] Read(GuestRam ram, ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(ram.Memory.TryRead(address, bytes));
        return bytes;
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte b in bytes) sum += b;
        return sum;
    }

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
}
