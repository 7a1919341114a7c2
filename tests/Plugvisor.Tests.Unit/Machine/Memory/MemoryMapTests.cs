using Plugvisor.Machine.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Memory;

public sealed class MemoryMapTests
{
    private const ulong MiB = 1 << 20, GiB = 1 << 30;

    [Fact]
    public void Small_memory_lies_below_the_hole()
    {
        var map = new MemoryMap(512 * MiB, 46);

        Assert.Equal(new AddressRange(0, 512 * MiB), map.LowRam);
        Assert.True(map.HighRam.IsEmpty);
        Assert.True(map.Hotplug.IsEmpty);
        Assert.Equal(new AddressRange(0xC000_0000, 640 * MiB), map.Window32);
        Assert.Equal(4 * GiB, map.Window64.Start);
        Assert.Equal((1UL << 46) - 0x10_0000 - 0x1_0000, map.Window64.End);
        Assert.Equal(
            [
                new E820Entry(new AddressRange(0, 0xA_0000), E820Type.Ram),
                new E820Entry(new AddressRange(0x10_0000, 511 * MiB), E820Type.Ram),
                new E820Entry(new AddressRange(0xE800_0000, 256 * MiB), E820Type.Reserved),
            ],
            map.E820.ToArray());
    }

    [Fact]
    public void Memory_over_3_gib_goes_on_at_4_gib()
    {
        var map = new MemoryMap(5 * GiB, 46);

        Assert.Equal(new AddressRange(0, 3 * GiB), map.LowRam);
        Assert.Equal(new AddressRange(4 * GiB, 2 * GiB), map.HighRam);
        Assert.Equal(6 * GiB, map.Window64.Start);
        Assert.Equal(4, map.E820.Length);
        Assert.Equal(new E820Entry(new AddressRange(4 * GiB, 2 * GiB), E820Type.Ram), map.E820[3]);
    }

    [Fact]
    public void Exactly_3_gib_leaves_nothing_above()
    {
        var map = new MemoryMap(3 * GiB, 46);

        Assert.True(map.HighRam.IsEmpty);
        Assert.Equal(4 * GiB, map.Window64.Start);
    }

    [Fact]
    public void Device_window_and_hotplug_area_start_at_128_mib_blocks()
    {
        var map = new MemoryMap((3 * GiB) + (4 * MiB), 46, hotplugSize: GiB);

        Assert.Equal(new AddressRange((4 * GiB) + (128 * MiB), GiB), map.Hotplug);
        Assert.Equal(map.Hotplug.End, map.Window64.Start);
    }

    [Fact]
    public void Platform_registers_are_pages_from_the_top_down()
    {
        const ulong Top = (1UL << 40) - 0x1_0000;

        var plain = new MemoryMap(GiB, 40);
        var hotplug = new MemoryMap(GiB, 40, GiB);
        var virtioMem = new MemoryMap(GiB, 40, GiB, acpiMemoryHotplug: false);

        Assert.Equal(0UL, plain.MemoryHotplugController);
        Assert.Equal(Top - 0x1000, plain.PciHotplugController);
        Assert.Equal(Top - 0x2000, plain.CpuHotplugController);
        Assert.Equal(Top - 0x3000, plain.GenericEventController);
        Assert.Equal(Top - 0x1000, hotplug.MemoryHotplugController);
        Assert.Equal(Top - 0x2000, hotplug.PciHotplugController);
        Assert.Equal(Top - 0x4000, hotplug.GenericEventController);
        Assert.Equal(0UL, virtioMem.MemoryHotplugController);
        Assert.Equal(Top - 0x10_0000, plain.PlatformArea.Start);
    }

    [Theory]
    [InlineData(0UL, 46, 0UL, "too small")]
    [InlineData(4097UL, 46, 0UL, "multiple of 4 KiB")]
    [InlineData(1UL << 40, 36, 0UL, "do not fit in guest addresses of 36 bits")]
    [InlineData(ulong.MaxValue & ~4095UL, 52, 0UL, "do not fit")]
    [InlineData(1UL << 30, 46, ulong.MaxValue & ~4095UL, "do not fit")]
    [InlineData(1UL << 30, 46, 1UL, "hotplug_size 1 is not a multiple")]
    [InlineData((1UL << 36) - (1UL << 30) - (1UL << 27), 36, 1UL << 27, "do not fit")]
    [InlineData(1UL << 30, 32, 0UL, "32 bits")]
    [InlineData(1UL << 30, 64, 0UL, "64 bits")]
    public void Sizes_that_cannot_be_are_refused_in_words(ulong size, byte bits, ulong hotplugSize, string message)
    {
        var error = Assert.Throws<GuestRamException>(() => new MemoryMap(size, bits, hotplugSize));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_overlaps_for_any_size()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            byte bits = (byte)random.Next(33, 53);
            ulong size = (ulong)random.NextInt64(512, 1L << random.Next(10, 40)) * 4096;
            ulong hotplug = (ulong)random.NextInt64(0, 1L << random.Next(1, 30)) * 4096;
            MemoryMap map;
            try
            {
                map = new MemoryMap(size, bits, hotplug);
            }
            catch (GuestRamException)
            {
                continue;
            }

            Assert.Equal(size, map.RamSize);
            AddressRange[] order = [map.LowRam, map.Window32, map.HighRam, map.Hotplug, map.Window64, map.PlatformArea];
            ulong end = 0;
            foreach (AddressRange range in order)
            {
                if (range.IsEmpty) continue;
                Assert.True(range.Start >= end, $"{range} starts before 0x{end:x} ({size} {bits} {hotplug})");
                end = range.End;
            }

            Assert.True(end < 1UL << bits);
        }
    }

    [Fact]
    public void Windows_are_divided_by_weight_and_the_last_takes_the_rest()
    {
        var shares = new AddressRange[3];
        MemoryMap.Divide(new AddressRange(0xC000_0000, 640 * MiB), [1, 2, 1], 4096, shares);

        Assert.Equal(new AddressRange(0xC000_0000, 160 * MiB), shares[0]);
        Assert.Equal(new AddressRange(0xC000_0000 + (160 * MiB), 320 * MiB), shares[1]);
        Assert.Equal(160 * MiB, shares[2].Length);

        MemoryMap.Divide(new AddressRange(4 * GiB, 15 * GiB), [1, 1, 1], 4 * GiB, shares);
        Assert.Equal(4 * GiB, shares[0].Length);
        Assert.Equal(7 * GiB, shares[2].Length);
    }
}
