using Plugvisor.Machine.Buses;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Buses;

public sealed class BusTests
{
    private readonly Bus _bus = new();

    [Fact]
    public void An_access_reaches_the_device_of_its_range_with_the_offset_in_it()
    {
        var first = new Recorder(1);
        var second = new Recorder(2);
        Assert.True(_bus.TryAdd(0x100, 0x10, first));
        Assert.True(_bus.TryAdd(0x110, 1, second));
        byte[] data = new byte[2];
        Assert.True(_bus.Read(0x10f, data));
        Assert.Equal([1, 1], data);
        Assert.Equal(0xful, first.LastOffset);
        Assert.True(_bus.Write(0x110, data));
        Assert.Equal(0ul, second.LastOffset);
    }

    [Fact]
    public void Nobody_there_reads_all_ones()
    {
        byte[] data = new byte[8];
        Assert.False(_bus.Read(ulong.MaxValue, data));
        Assert.All(data, b => Assert.Equal(0xff, b));
        Assert.False(_bus.Write(0, data));
    }

    [Theory]
    [InlineData(0x0f0, 0x11)]
    [InlineData(0x108, 1)]
    [InlineData(0x10f, 0x100)]
    [InlineData(0x0f0, 0x100)]
    [InlineData(0x200, 0)]
    [InlineData(0xffff_ffff_ffff_fff0, 0x20)]
    public void A_range_that_overlaps_is_empty_or_wraps_is_refused(ulong start, ulong length)
    {
        Assert.True(_bus.TryAdd(0x100, 0x10, new Recorder(1)));
        Assert.False(_bus.TryAdd(start, length, new Recorder(2)));
    }

    [Fact]
    public void A_removed_range_is_free_again()
    {
        Assert.True(_bus.TryAdd(0x100, 0x10, new Recorder(1)));
        Assert.True(_bus.Remove(0x100));
        Assert.False(_bus.Remove(0x100));
        Assert.False(_bus.Read(0x100, new byte[1]));
        Assert.True(_bus.TryAdd(0x0ff, 0x20, new Recorder(2)));
    }

    [Fact]
    public void The_last_byte_of_the_address_space_can_be_served()
    {
        Assert.True(_bus.TryAdd(ulong.MaxValue, 1, new Recorder(7)));
        byte[] data = new byte[1];
        Assert.True(_bus.Read(ulong.MaxValue, data));
        Assert.Equal(7, data[0]);
    }

    private sealed class Recorder(byte fill) : IBusDevice
    {
        public ulong LastOffset { get; private set; } = ulong.MaxValue;

        public void Read(ulong offset, Span<byte> data)
        {
            LastOffset = offset;
            data.Fill(fill);
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) => LastOffset = offset;
    }
}
