using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

public sealed class BarAllocatorTests
{
    private static readonly PciApertures Apertures = new(new AddressRange(0xC000_1000, 0xF000), new AddressRange(0x10_0000_0000, 0x10_0000));

    [Fact]
    public void The_lowest_naturally_aligned_free_address_is_taken()
    {
        Assert.True(TryFind(PciBarKind.Memory32, 0x4000, out ulong address));
        Assert.Equal(0xC000_4000ul, address);
        Assert.True(TryFind(PciBarKind.Memory32, 0x2000, out address, new(0xC000_2000, 0x2000), new(0xC000_5000, 0x10)));
        Assert.Equal(0xC000_6000ul, address);
    }

    [Fact]
    public void A_64_bit_bar_goes_high_and_falls_back_to_low_memory()
    {
        Assert.True(TryFind(PciBarKind.Memory64, 0x8000, out ulong address));
        Assert.Equal(0x10_0000_0000ul, address);
        Assert.True(TryFind(PciBarKind.Memory64, 0x8000, out address, Apertures.Above4G));
        Assert.Equal(0xC000_8000ul, address);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.False(TryFind(PciBarKind.Memory32, 0x10000, out _));
        Assert.False(TryFind(PciBarKind.Memory64, 1UL << 62, out _));
        Assert.False(TryFind(PciBarKind.Memory32, 0x8000, out _, new AddressRange(0xC000_F000, 1)));
    }

    [Fact]
    public void Many_ranges_in_any_order_are_stepped_over()
    {
        var busy = new AddressRange[59];   // of 60 places
        for (int i = 0; i < busy.Length; i++) busy[i] = new AddressRange(0xC000_1000 + (ulong)(i * 7 % 60) * 0x400, 0x400);
        Assert.True(TryFind(PciBarKind.Memory32, 0x400, out ulong address, busy));
        Assert.Equal(0xC000_1000ul + 59 * 7 % 60 * 0x400, address);
    }

    [Fact]
    public void Ports_and_memory_do_not_stand_in_each_others_way()
    {
        var busy = new PciBusyRanges();
        busy.Add(PciBarKind.Memory32, 0x1000, 0xf000);
        busy.Add(PciBarKind.Io, 0x1000, 4);
        Assert.True(BarAllocator.TryFind(Apertures with { Ports = PciRoot.PortWindow }, PciBarKind.Io, 16, busy, out ulong address));
        Assert.Equal(0x1010ul, address);
        Assert.False(BarAllocator.TryFind(Apertures, PciBarKind.Io, 16, busy, out _));
    }

    [Fact]
    public void A_range_up_to_the_end_of_everything_ends_the_search()
    {
        var apertures = new PciApertures(default, new AddressRange(0xffff_ffff_ffff_0000, 0xffff));
        var busy = new PciBusyRanges();
        busy.Add(PciBarKind.Memory64, 0xffff_ffff_ffff_0000, 0x1_0000);
        Assert.False(BarAllocator.TryFind(apertures, PciBarKind.Memory64, 0x1000, busy, out _));
    }

    private static bool TryFind(PciBarKind kind, ulong size, out ulong address, params ReadOnlySpan<AddressRange> taken)
    {
        var busy = new PciBusyRanges();
        foreach (AddressRange range in taken) busy.Add(kind, range.Start, range.Length);
        return BarAllocator.TryFind(Apertures, kind, size, busy, out address);
    }
}
