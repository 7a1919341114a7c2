using System.Buffers.Binary;
using Plugvisor.Machine.Hotplug;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Hotplug;

public sealed class MemoryHotplugControllerTests
{
    private readonly MemoryHotplugController _controller = new();

    [Fact]
    public void Free_slots_read_as_nothing()
    {
        for (uint slot = 0; slot < 10; slot++)
        {
            Write(0, slot);
            for (ulong offset = 0; offset < MemoryHotplugController.Length; offset += 4) Assert.Equal(0u, Read(offset));
        }

        Write(0, uint.MaxValue);
        Assert.Equal(0u, Read(0));
    }

    [Fact]
    public void Added_memory_is_in_the_next_slot_until_all_are_taken()
    {
        Assert.True(_controller.TryInsert(0x1_4000_0000, 0x800_0000));
        Assert.True(_controller.TryInsert(0x1_4800_0000, 0x2_0000_0000));

        Write(0, 1);
        Assert.Equal((0x4800_0000u, 1u, 0u, 2u, 0u, 3u), (Read(0), Read(4), Read(8), Read(12), Read(16), Read(20)));
        Write(0, 0);
        Assert.Equal((0x4000_0000u, 1u, 0x800_0000u, 0u), (Read(0), Read(4), Read(8), Read(12)));

        for (int i = 2; i < MemoryHotplugController.Slots; i++) Assert.True(_controller.TryInsert(0, 4096));
        Assert.Equal(0, _controller.Free);
        Assert.False(_controller.TryInsert(0, 4096));
    }

    [Fact]
    public void Writing_one_acknowledges_the_insertion_and_ejecting_changes_nothing()
    {
        _controller.TryInsert(0x1_4000_0000, 0x800_0000);
        Write(0, 0);

        _controller.Write(0x14, [0x0D]);    // enabled, removing and eject: nothing that is set and can be cleared
        Assert.Equal(3u, Read(0x14));
        _controller.Write(0x14, [2]);
        Assert.Equal(1u, Read(0x14));
    }

    [Fact]
    public void Accesses_of_every_width_at_every_offset_are_survived()
    {
        _controller.TryInsert(0x1_4000_0000, 0x800_0000);
        for (ulong offset = 0; offset < MemoryHotplugController.Length; offset++)
        {
            for (int width = 1; width <= 8; width++)
            {
                var data = new byte[width];
                _controller.Read(offset, data);
                _controller.Write(offset, data);
            }
        }

        Write(0, 0);
        Assert.Equal(0x4000_0000u, Read(0));
    }

    private uint Read(ulong offset)
    {
        var data = new byte[4];
        _controller.Read(offset, data);
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    private void Write(ulong offset, uint value)
    {
        var data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        _controller.Write(offset, data);
    }
}
