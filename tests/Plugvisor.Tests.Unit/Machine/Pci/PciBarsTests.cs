using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

public sealed class PciBarsTests
{
    private const ulong Low = 0xC000_0000, High = 0x80_0000_0000;

    private readonly Bus _mmio = new();
    private readonly RecordingLog _log = new();
    private readonly PciSegment _segment;

    public PciBarsTests()
    {
        _segment = new PciRoot(new Bus(), _mmio).AddSegment(
            new PciApertures(new AddressRange(Low, 0x2800_0000), new AddressRange(High, 0x1_0000_0000)), _log);
        var vm = new FakeVm();
        _mmio.TryAdd(Ioapic.Address, Ioapic.Length, new Ioapic(vm, new MsiRouter(vm)));
    }

    [Fact]
    public void All_ones_read_back_as_the_size_and_the_kind_of_a_32_bit_bar()
    {
        TestFunction function = Add("a");
        WriteConfig(function, 0x10, 0xffff_ffff);
        Assert.Equal(0xffff_f000u, ReadConfig(function, 0x10));
        Assert.Equal(0u, ReadConfig(function, 0x14));
    }

    [Fact]
    public void All_ones_read_back_as_the_size_of_a_64_bit_bar_in_both_registers()
    {
        TestFunction function = Add("a", PciBarKind.Memory64, 0x80000);
        WriteConfig(function, 0x10, 0xffff_ffff);
        WriteConfig(function, 0x14, 0xffff_ffff);
        Assert.Equal(0xfff8_0004u, ReadConfig(function, 0x10));
        Assert.Equal(0xffff_ffffu, ReadConfig(function, 0x14));
    }

    [Fact]
    public void Sizing_with_decoding_enabled_moves_nothing_and_logs_nothing()
    {
        TestFunction function = Add("a", PciBarKind.Memory64, 0x80000);
        ulong home = function.Bars[0]!.Address;
        WriteConfig(function, 0x10, 0xffff_ffff);
        AssertAnswersAt(function, home);
        WriteConfig(function, 0x14, 0xffff_ffff);
        WriteConfig(function, 0x10, (uint)home);
        AssertAnswersAt(function, home);
        WriteConfig(function, 0x14, (uint)(home >> 32));
        AssertAnswersAt(function, home);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_move_with_decoding_disabled_takes_effect_when_it_is_enabled()
    {
        TestFunction function = Add("a");
        ulong home = function.Bars[0]!.Address;
        WriteConfig(function, 4, 0, 2);
        AssertAnswersNowhere(function, home);
        WriteConfig(function, 0x10, 0xC123_4000);
        AssertAnswersNowhere(function, 0xC123_4000);
        WriteConfig(function, 4, 2, 2);
        AssertAnswersAt(function, 0xC123_4000);
        AssertAnswersNowhere(function, home);
    }

    [Fact]
    public void A_64_bit_bar_moves_to_either_window()
    {
        TestFunction function = Add("a", PciBarKind.Memory64, 0x80000);
        WriteConfig(function, 4, 0, 2);
        WriteConfig(function, 0x14, 0);
        WriteConfig(function, 0x10, 0xD000_0000);
        WriteConfig(function, 4, 2, 2);
        AssertAnswersAt(function, 0xD000_0000);
        WriteConfig(function, 0x14, 0x80);
        AssertAnswersAt(function, 0x80_D000_0000);
    }

    [Theory]
    [InlineData(0x0000_1000u, "RAM")]
    [InlineData(0x0000_0000u, "RAM at 0")]
    [InlineData(0xBFFF_F000u, "RAM below the window")]
    [InlineData(0xE800_0000u, "ECAM")]
    [InlineData(0xFEC0_0000u, "IOAPIC")]
    [InlineData(0xFEE0_0000u, "LAPIC")]
    [InlineData(0xF800_0000u, "TSS of KVM")]
    [InlineData(0xFFFF_F000u, "end of the address space")]
    public void A_move_out_of_the_windows_changes_nothing(uint address, string what)
    {
        Assert.NotEmpty(what);
        TestFunction function = Add("a");
        ulong home = function.Bars[0]!.Address;
        WriteConfig(function, 0x10, address);
        AssertAnswersAt(function, home);
        Assert.Equal(address, ReadConfig(function, 0x10));
        for (int i = 0; i < 100; i++) WriteConfig(function, 4, 2, 2);
        string line = Assert.Single(_log.Lines);
        Assert.Contains("outside the windows", line, StringComparison.Ordinal);

        // After decoding was off, there is no old place to keep.
        WriteConfig(function, 4, 0, 2);
        WriteConfig(function, 4, 2, 2);
        AssertAnswersNowhere(function, home);
        WriteConfig(function, 0x10, (uint)home);
        AssertAnswersAt(function, home);
    }

    [Fact]
    public void A_move_onto_another_bar_changes_neither()
    {
        TestFunction mine = Add("mine"), other = Add("other", size: 0x10000);
        ulong home = mine.Bars[0]!.Address, target = other.Bars[0]!.Address + 0x8000;
        WriteConfig(mine, 0x10, (uint)target);
        AssertAnswersAt(mine, home);
        other.Accesses.Clear();
        mine.Accesses.Clear();
        _mmio.Read(target, new byte[4]);
        Assert.Equal(["read 8000 4"], other.Accesses);
        Assert.Empty(mine.Accesses);
        Assert.Contains("which is taken", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_64_bit_bar_above_the_window_or_at_the_end_of_everything_stays()
    {
        TestFunction function = Add("a", PciBarKind.Memory64, 0x80000);
        ulong home = function.Bars[0]!.Address;
        foreach (uint high in (uint[])[0x81, 0x7f, 0xffff_fffe, 0])
        {
            WriteConfig(function, 0x14, high);
            WriteConfig(function, 0x10, 0xfff8_0000);
            AssertAnswersAt(function, home);
        }

        WriteConfig(function, 0x14, 0xffff_ffff);
        WriteConfig(function, 0x10, 0xfff8_0000);
        AssertAnswersAt(function, home);
    }

    [Fact]
    public void Two_functions_swap_their_places()
    {
        TestFunction a = Add("a"), b = Add("b");
        ulong first = a.Bars[0]!.Address, second = b.Bars[0]!.Address;
        foreach (TestFunction function in (TestFunction[])[a, b]) WriteConfig(function, 4, 0, 2);
        WriteConfig(a, 0x10, (uint)second);
        WriteConfig(b, 0x10, (uint)first);
        foreach (TestFunction function in (TestFunction[])[a, b]) WriteConfig(function, 4, 2, 2);
        AssertAnswersAt(a, second);
        AssertAnswersAt(b, first);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_hot_plugged_function_avoids_places_that_are_programmed_but_not_decoded()
    {
        TestFunction sleeping = Add("sleeping");
        ulong home = sleeping.Bars[0]!.Address;
        WriteConfig(sleeping, 4, 0, 2);
        TestFunction late = Add("late");
        Assert.NotEqual(home, late.Bars[0]!.Address);
        WriteConfig(sleeping, 4, 2, 2);
        AssertAnswersAt(sleeping, home);
    }

    [Fact]
    public void An_access_across_the_end_of_a_bar_is_clipped()
    {
        TestFunction function = Add("a");
        byte[] data = new byte[8];
        _mmio.Read(function.Bars[0]!.Address + 0xffd, data);
        Assert.Equal([0xab, 0xab, 0xab, 0xff, 0xff, 0xff, 0xff, 0xff], data);
        _mmio.Write(function.Bars[0]!.Address + 0xffd, data);
        Assert.Equal(["read ffd 3", "write ffd 3"], function.Accesses);
    }

    private TestFunction Add(string id, PciBarKind kind = PciBarKind.Memory32, ulong size = 0x1000)
    {
        var function = new TestFunction(id, _log, kind, size);
        Assert.True(_segment.TryAdd(function, null, out _));
        return function;
    }

    private void AssertAnswersAt(TestFunction function, ulong address)
    {
        Assert.True(function.Bars[0]!.IsMapped);
        Assert.Equal(address, function.Bars[0]!.Address);
        function.Accesses.Clear();
        Assert.True(_mmio.Read(address, new byte[4]));
        Assert.Equal(["read 0 4"], function.Accesses);
    }

    private void AssertAnswersNowhere(TestFunction function, ulong address)
    {
        function.Accesses.Clear();
        _mmio.Read(address, new byte[4]);
        Assert.Empty(function.Accesses);
    }

    private uint ReadConfig(TestFunction function, int register)
    {
        byte[] data = new byte[4];
        _mmio.Read(PciRoot.EcamBase + (ulong)(function.Slot << 15) + (ulong)register, data);
        return BitConverter.ToUInt32(data);
    }

    private void WriteConfig(TestFunction function, int register, uint value, int width = 4) =>
        _mmio.Write(PciRoot.EcamBase + (ulong)(function.Slot << 15) + (ulong)register, BitConverter.GetBytes(value).AsSpan(0, width));
}
