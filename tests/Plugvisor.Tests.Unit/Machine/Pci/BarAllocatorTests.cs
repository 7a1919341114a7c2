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
        Assert.True(BarAllocator.TryFind(Apertures, PciBarKind.Memory32, 0x4000, [], out ulong address));
        Assert.Equal(0xC000_4000ul, address);
        Assert.True(BarAllocator.TryFind(Apertures, PciBarKind.Memory32, 0x2000, [new(0xC000_2000, 0x2000), new(0xC000_5000, 0x10)], out address));
        Assert.Equal(0xC000_6000ul, address);
    }

    [Fact]
    public void A_64_bit_bar_goes_high_and_falls_back_to_low_memory()
    {
        Assert.True(BarAllocator.TryFind(Apertures, PciBarKind.Memory64, 0x8000, [], out ulong address));
        Assert.Equal(0x10_0000_0000ul, address);
        Assert.True(BarAllocator.TryFind(Apertures, PciBarKind.Memory64, 0x8000, [Apertures.Above4G], out address));
        Assert.Equal(0xC000_8000ul, address);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.False(BarAllocator.TryFind(Apertures, PciBarKind.Memory32, 0x10000, [], out _));
        Assert.False(BarAllocator.TryFind(Apertures, PciBarKind.Memory64, 1UL << 62, [], out _));
        Assert.False(BarAllocator.TryFind(Apertures, PciBarKind.Memory32, 0x8000, [new(0xC000_F000, 1)], out _));
    }
}
