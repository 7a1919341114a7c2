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
