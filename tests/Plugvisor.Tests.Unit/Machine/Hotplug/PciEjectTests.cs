using System.Buffers.Binary;
using Plugvisor.Machine.Hotplug;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Hotplug;

/// <summary>What the PCI hot-plug controller does when the guest ejects a slot.</summary>
public sealed class PciEjectTests
{
    private const ulong Inserted = 0, Removed = 4, Eject = 8;

    private readonly List<string> _calls = [];
    private readonly PciHotplugController _controller;

    public PciEjectTests() => _controller = new PciHotplugController(segments: 1, (_, slot) => _calls.Add($"eject {slot}"))
    {
        Hide = (_, slot) => _calls.Add($"hide {slot}"),
    };

    [Fact]
    public void A_device_that_was_to_go_is_hidden_before_it_is_told_of()
    {
        _controller.Inserted(0, 3);
        _controller.RemovalRequested(0, 3);
        Write(Eject, 1u << 3);
        Assert.Equal(["hide 3", "eject 3"], _calls);
        Assert.Equal(0u, Read(Inserted));
        Assert.Equal(0u, Read(Removed));
    }

    [Fact]
    public void A_device_that_nobody_wanted_to_go_stays_in_sight()
    {
        _controller.Inserted(0, 4);
        Write(Eject, 1u << 4);
        Assert.Equal(["eject 4"], _calls);
        Assert.Equal(1u << 4, Read(Inserted));
    }

    [Fact]
    public void An_eject_is_for_one_removal_only()
    {
        _controller.RemovalRequested(0, 5);
        Write(Eject, 1u << 5);
        _controller.Inserted(0, 5);
        Write(Eject, 1u << 5);
        Assert.Equal(["hide 5", "eject 5", "eject 5"], _calls);
        Assert.Equal(1u << 5, Read(Inserted));
    }

    [Fact]
    public void Two_vcpus_that_eject_a_device_hide_it_once()
    {
        // The second one comes while the first one hides; another device could be there by the time it is done.
        _controller.Hide = (_, slot) =>
        {
            _calls.Add($"hide {slot}");
            if (_calls.Count == 1) Write(Eject, 1u << 6);
        };
        _controller.RemovalRequested(0, 6);
        Write(Eject, 1u << 6);
        Assert.Equal(["hide 6", "eject 6", "eject 6"], _calls);
    }

    [Fact]
    public void A_device_that_comes_while_its_predecessor_is_hidden_is_told_of()
    {
        _controller.Hide = (segment, slot) => _controller.Inserted(segment, slot);
        _controller.RemovalRequested(0, 7);
        Write(Eject, 1u << 7);
        Assert.Equal(1u << 7, Read(Inserted));
    }

    [Fact]
    public void Accesses_of_every_width_at_every_offset_are_survived()
    {
        _controller.RemovalRequested(0, 8);
        byte[] ones = Enumerable.Repeat((byte)0xff, 8).ToArray(), read = new byte[8];
        for (ulong offset = 0; offset < PciHotplugController.Length + 8; offset++)
        {
            for (int width = 0; width <= 8; width++)
            {
                _controller.Read(offset, read.AsSpan(0, width));
                if (offset != Eject || width != 4) _controller.Write(offset, ones.AsSpan(0, width));
            }
        }

        Assert.Empty(_calls);   // only a whole register ejects
    }

    private uint Read(ulong offset)
    {
        Span<byte> data = stackalloc byte[4];
        _controller.Read(offset, data);
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    private void Write(ulong offset, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        _controller.Write(offset, data);
    }
}
