using System.Buffers.Binary;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

public sealed class PciRootTests
{
    private const uint Absent = 0xffff_ffff;

    private readonly Bus _ports = new(), _mmio = new();
    private readonly RecordingLog _log = new();
    private readonly PciSegment _segment;

    public PciRootTests() => _segment = new PciRoot(_ports, _mmio).AddSegment(
        new PciApertures(new AddressRange(0xC000_0000, 0x1000_0000), new AddressRange(0x80_0000_0000, 0x1_0000_0000)), _log);

    [Fact]
    public void The_host_bridge_is_in_slot_0_by_both_ways()
    {
        Assert.Equal(0x0d57_8086u, Ecam(0, 0));
        Assert.Equal(0x0d57_8086u, Ports(0x8000_0000));
        Assert.Equal(0x0600_0000u, Ecam(0, 8));
    }

    [Fact]
    public void An_absent_device_function_or_bus_reads_as_all_ones()
    {
        Assert.Equal(Absent, Ecam(1, 0));
        Assert.Equal(Absent, (uint)Read(_mmio, PciRoot.EcamBase + 0x1000, 4));
        Assert.Equal(Absent, Ports(0x8001_0000));
        Assert.Equal(Absent, Ports(0x8000_0100));
        Assert.Equal(Absent, Ports(0x8000_f800));
        Write(_mmio, PciRoot.EcamBase + 0x8000, 4, 0);
    }

    [Fact]
    public void Nothing_answers_at_the_data_ports_unless_bit_31_is_set()
    {
        Assert.Equal(Absent, Ports(0));
        Assert.Equal(0u, (uint)Read(_ports, 0xcf8, 4));
    }

    [Fact]
    public void Only_a_dword_write_sets_the_address()
    {
        Write(_ports, 0xcf8, 4, 0x8000_0800);
        Write(_ports, 0xcfb, 1, 1);
        Write(_ports, 0xcf9, 1, 6);
        Write(_ports, 0xcf8, 2, 0);
        Assert.Equal(0x8000_0800u, (uint)Read(_ports, 0xcf8, 4));
        Assert.Equal(0x80, (byte)Read(_ports, 0xcfb, 1));
    }

    [Theory]
    [InlineData(0xcfc, 1, 0x86)]
    [InlineData(0xcfd, 1, 0x80)]
    [InlineData(0xcfe, 2, 0x0d57)]
    [InlineData(0xcff, 1, 0x0d)]
    [InlineData(0xcfd, 2, 0x5780)]
    [InlineData(0xcfe, 4, 0xffff_ffff)]     // past the last port
    public void The_data_ports_take_every_width_that_fits(ulong port, int width, ulong expected)
    {
        Write(_ports, 0xcf8, 4, 0x8000_0000);
        Assert.Equal(expected, Read(_ports, port, width));
    }

    [Fact]
    public void Ecam_takes_eight_bytes_as_two_dwords_and_does_not_cross_into_the_next_function()
    {
        Add("a", 1);
        Assert.Equal(0x0000_0002_5678_1234ul, Read(_mmio, PciRoot.EcamBase + 0x8000, 8));
        Write(_mmio, PciRoot.EcamBase + 0x8000 + 0x0c, 8, 0xffff_ffff_0000_00ff);
        Assert.Equal(0xffu, Ecam(1, 0x0c));
        Assert.Equal(0xffff_f000u, Ecam(1, 0x10));
        Assert.Equal(0xffff_0000ul, Read(_mmio, PciRoot.EcamBase + 0x8ffe, 4));
        Assert.Equal(0xffff_ffff_ffff_ff00ul, Read(_mmio, PciRoot.EcamBase + 0xf_ffff, 8) & ~0xfful);
    }

    [Fact]
    public void Slots_go_lowest_first_around_those_that_are_reserved()
    {
        Assert.True(_segment.TryReserve(1));
        Assert.False(_segment.TryReserve(1));
        Assert.False(_segment.TryReserve(0));
        Assert.False(_segment.TryReserve(32));
        Assert.Equal(2, Add("free").Slot);
        Assert.Equal(1, Add("wanted", 1).Slot);
        Assert.Equal(3, Add("next").Slot);
        Assert.False(_segment.TryAdd(new TestFunction("late", _log), 3, out string? error));
        Assert.Equal("PCI slot 3 of late is taken by next", error);
        Assert.False(_segment.TryAdd(new TestFunction("late", _log), 32, out error));
        Assert.Contains("does not exist", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_removed_function_leaves_its_slot_and_its_addresses()
    {
        TestFunction function = Add("gone");
        ulong bar = function.Bars[0]!.Address;
        Assert.True(_segment.Remove(function));
        Assert.False(_segment.Remove(function));
        Assert.Equal(Absent, Ecam(1, 0));
        Assert.False(_mmio.Read(bar, new byte[4]));
        Assert.Equal(bar, Add("again").Bars[0]!.Address);
    }

    [Fact]
    public void A_full_bus_says_so()
    {
        for (int i = 1; i < PciSegment.SlotCount; i++) Add($"d{i}");
        Assert.False(_segment.TryAdd(new TestFunction("one_more", _log), null, out string? error));
        Assert.Equal("PCI segment 0 has no free slot for one_more", error);
    }

    [Fact]
    public void A_full_window_says_so_and_takes_no_slot()
    {
        Assert.False(_segment.TryAdd(new TestFunction("big", _log, size: 1u << 30), null, out string? error));
        Assert.Equal("PCI segment 0 has no room for the BARs of big", error);
        Assert.Equal(1, Add("small").Slot);
    }

    private TestFunction Add(string id, int? slot = null)
    {
        var function = new TestFunction(id, _log);
        Assert.True(_segment.TryAdd(function, slot, out _));
        return function;
    }

    private uint Ecam(int slot, int register) => (uint)Read(_mmio, PciRoot.EcamBase + (ulong)(slot << 15) + (ulong)register, 4);

    private uint Ports(uint address)
    {
        Write(_ports, 0xcf8, 4, address);
        return (uint)Read(_ports, 0xcfc, 4);
    }

    private static ulong Read(Bus bus, ulong address, int width)
    {
        byte[] data = new byte[8];
        bus.Read(address, data.AsSpan(0, width));
        return BinaryPrimitives.ReadUInt64LittleEndian(data);
    }

    private static void Write(Bus bus, ulong address, int width, ulong value)
    {
        byte[] data = BitConverter.GetBytes(value);
        bus.Write(address, data.AsSpan(0, width));
    }
}
