using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

public sealed class PciConfigSpaceTests
{
    private readonly PciConfigSpace _config = new(0x1234, 0x5678, 0x0c0330, 7, 0xabcd, 0xef01);

    [Fact]
    public void The_header_carries_the_identity()
    {
        Assert.Equal(0x5678_1234u, _config.Get32(0));
        Assert.Equal(0x0c03_3007u, _config.Get32(8));
        Assert.Equal(0xef01_abcdu, _config.Get32(0x2c));
    }

    [Fact]
    public void Only_writable_bits_change()
    {
        _config.AllowWrite32(0x40, 0x00ff_0f00);
        _config.Write(0x40, [0xff, 0xff, 0xff, 0xff]);
        Assert.Equal(0x00ff_0f00u, _config.Get32(0x40));
        _config.Write(0, [0, 0, 0, 0, 0xff, 0xff]);
        Assert.Equal(0x5678_1234u, _config.Get32(0));
        Assert.Equal(0x0406u, _config.Get16(4));
    }

    [Fact]
    public void Capabilities_are_linked_in_the_order_in_which_they_were_added()
    {
        int first = _config.AddCapability(9, [1, 2, 3]);
        int second = _config.AddCapability(0x11, new byte[10]);
        Assert.Equal((0x40, 0x48), (first, second));
        Assert.Equal(0x40, _config.Get8(0x34));
        Assert.Equal(0x0201_4809u, _config.Get32(0x40));
        Assert.Equal(0x0011u, _config.Get16(0x48));
        Assert.Equal(0x10, _config.Get16(6));
        Assert.Throws<InvalidOperationException>(() => _config.AddCapability(9, new byte[0xb0]));
    }
}
