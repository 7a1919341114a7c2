using System.Buffers.Binary;
using System.Text;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Acpi;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Smbios;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Smbios;

public sealed class SmbiosTablesTests : IDisposable
{
    private readonly GuestRam _ram = GuestRam.Allocate(new MemoryMap(16 << 20, 40), new GuestRamOptions());

    public void Dispose() => _ram.Dispose();

    [Fact]
    public void Entry_point_leads_to_the_default_machine()
    {
        ulong end = SmbiosTables.Write(new SmbiosOptions(), _ram.Memory);

        byte[] entry = Read(0xF0000, 24);
        Assert.Equal("_SM3_"u8, entry.AsSpan(0, 5));
        Assert.Equal(0, Sum(entry));
        Assert.Equal((24, 3, 2, 1), (entry[6], entry[7], entry[8], entry[10]));
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(entry.AsSpan(16));
        Assert.Equal(end - table, BinaryPrimitives.ReadUInt32LittleEndian(entry.AsSpan(12)));

        List<(byte Type, byte[] Fields, string[] Strings)> all = Structures(table, end);
        Assert.Equal([0, 1, 127], all.Select(s => s.Type));
        Assert.Equal(["cloud-hypervisor", "0"], all[0].Strings);
        Assert.Equal(0x10, all[0].Fields[19]);
        Assert.Equal(["Cloud Hypervisor", "cloud-hypervisor"], all[1].Strings);
        Assert.Equal((1, 2, 0, 0), (all[1].Fields[4], all[1].Fields[5], all[1].Fields[6], all[1].Fields[7]));
        Assert.True(all[1].Fields.AsSpan(8, 16).IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public void Everything_configured_is_told()
    {
        ulong end = SmbiosTables.Write(
            new SmbiosOptions
            {
                SystemManufacturer = "Müller", SystemProductName = "P", SystemVersion = "V", SystemSerialNumber = "S-1",
                SystemUuid = "00112233-4455-6677-8899-aabbccddeeff", SystemSkuNumber = "K", SystemFamily = "F",
                ChassisAssetTag = "tag", OemStrings = ["one", "", "two"],
            },
            _ram.Memory);

        List<(byte Type, byte[] Fields, string[] Strings)> all = Structures(0xF0018, end);
        Assert.Equal([0, 1, 3, 11, 127], all.Select(s => s.Type));
        Assert.Equal(["Müller", "P", "V", "S-1", "K", "F"], all[1].Strings);
        Assert.Equal((3, 4, 5, 6), (all[1].Fields[6], all[1].Fields[7], all[1].Fields[25], all[1].Fields[26]));
        Assert.Equal("33221100554477668899AABBCCDDEEFF", Convert.ToHexString(all[1].Fields.AsSpan(8, 16)));
        Assert.Equal(["tag"], all[2].Strings);
        Assert.Equal(1, all[2].Fields[8]);
        // An empty string would end the structure for the guest.
        Assert.Equal(["one", "two"], all[3].Strings);
        Assert.Equal(2, all[3].Fields[4]);
        // Handles are different.
        Assert.Equal(5, all.Select(s => BinaryPrimitives.ReadUInt16LittleEndian(s.Fields.AsSpan(2))).Distinct().Count());
    }

    [Fact]
    public void What_cannot_be_told_is_refused_in_words()
    {
        Refused(new SmbiosOptions { SystemSerialNumber = "a\0b" }, "system_serial_number has a NUL");
        Refused(new SmbiosOptions { SystemUuid = "not-a-uuid" }, "system_uuid not-a-uuid is not a UUID");
        Refused(new SmbiosOptions { OemStrings = new string[256] }, "256 oem_strings");
        Refused(new SmbiosOptions { OemStrings = [new string('x', 70000)] }, "do not fit");
    }

    [Fact]
    public void Mp_table_follows_at_a_paragraph()
    {
        ulong end = SmbiosTables.Write(new SmbiosOptions { SystemVersion = "x" }, _ram.Memory);
        Assert.True(MpTable.TryWrite(Machine(2), _ram.Memory, end));

        ulong address = (end + 15) & ~15UL;
        byte[] pointer = Read(address, 16);
        Assert.Equal("_MP_"u8, pointer.AsSpan(0, 4));
        Assert.Equal(0, Sum(pointer));
        uint at = BinaryPrimitives.ReadUInt32LittleEndian(pointer.AsSpan(4));
        byte[] table = Read(at, BinaryPrimitives.ReadUInt16LittleEndian(Read(at, 6).AsSpan(4)));
        Assert.Equal("PCMP"u8, table.AsSpan(0, 4));
        Assert.Equal(0, Sum(table));
        Assert.Equal(0xFEE0_0000u, BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(36)));
        int entries = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(34)), offset = 44;
        var types = new int[5];
        for (int i = 0; i < entries; i++)
        {
            types[table[offset]]++;
            offset += table[offset] == 0 ? 20 : 8;
        }

        Assert.Equal(table.Length, offset);
        Assert.Equal([2, 1, 1, 16, 2], types);
        Assert.Equal((0, 0, 3), (table[44], table[45], table[47]));
        Assert.Equal((0, 1, 1), (table[64], table[65], table[67]));
    }

    [Theory]
    [InlineData(254, true)]
    [InlineData(255, false)]
    public void Mp_table_ends_where_8_bit_ids_do(int vcpus, bool there) =>
        Assert.Equal(there, MpTable.TryWrite(Machine(vcpus), _ram.Memory, 0xF0400));

    [Fact]
    public void Mp_table_stays_below_1_mib() => Assert.False(MpTable.TryWrite(Machine(1), _ram.Memory, 0xFFFF0));

    [Fact]
    public void Firmware_tables_are_written_together()
    {
        FirmwareTables.Write(Machine(4), new SmbiosOptions(), _ram.Memory);

        Assert.Equal("RSD PTR "u8, Read(0xA0000, 8));
        Assert.Equal("_SM3_"u8, Read(0xF0000, 5));
        Assert.True(Read(0xF0000, 4096).AsSpan().IndexOf("PCMP"u8) > 0);
    }

    private void Refused(SmbiosOptions options, string message)
    {
        var error = Assert.Throws<BootException>(() => SmbiosTables.Write(options, _ram.Memory));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static MachineDescription Machine(int vcpus)
    {
        var map = new MemoryMap(16 << 20, 40);
        return new MachineDescription(map, vcpus, vcpus, [new PciSegmentDescription(0, map.Window32, map.Window64)])
        {
            Topology = new CpuTopology(1, (ushort)vcpus, 1, 1),
        };
    }

    private List<(byte Type, byte[] Fields, string[] Strings)> Structures(ulong address, ulong end)
    {
        byte[] bytes = Read(address, (int)(end - address));
        var all = new List<(byte, byte[], string[])>();
        int at = 0;
        while (at < bytes.Length)
        {
            byte length = bytes[at + 1];
            int stringsEnd = at + length + bytes.AsSpan(at + length).IndexOf("\0\0"u8);
            string[] strings = Encoding.UTF8.GetString(bytes, at + length, stringsEnd - at - length).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            all.Add((bytes[at], bytes[at..(at + length)], strings));
            at = stringsEnd + 2;
        }

        Assert.Equal(bytes.Length, at);
        return all;
    }

    private byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(_ram.Memory.TryRead(address, bytes));
        return bytes;
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte b in bytes) sum += b;
        return sum;
    }
}
