using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Pci;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>A plugin's PCI device as a guest sees it, and what the host keeps for itself.</summary>
public sealed class PciDeviceFunctionTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_guest_reads_the_declared_identity()
    {
        PciGuest guest = _machine.Add(new FakePciDevice());
        Assert.Equal(0x5678_1234u, guest.ReadConfig(0));
        Assert.Equal(0x0880_0007u, guest.ReadConfig(8));
        Assert.Equal(0xbbbb_aaaau, guest.ReadConfig(0x2c));
        Assert.Equal(2u, guest.ReadConfig(4, 2));
        Assert.Empty(guest.Capabilities());
        Assert.Equal(0u, guest.ReadConfig(6, 2));
    }

    [Fact]
    public void It_is_attached_once_before_the_guest_can_see_it()
    {
        var device = new FakePciDevice();
        PciGuest guest = _machine.Add(device);
        Assert.Equal(["attach"], device.TakeAccesses());
        Assert.Same(guest.Device, device.Transport);
    }

    [Theory]
    [InlineData(PciBarKind.Memory32, 2ul, 0xffff_fff0u, 0ul)]
    [InlineData(PciBarKind.Memory32, 0x1000ul, 0xffff_f000u, 0ul)]
    [InlineData(PciBarKind.Memory32, 0x1001ul, 0xffff_e000u, 0ul)]
    [InlineData(PciBarKind.Memory64, 0x1_0000_0000ul, 0x0000_0004u, 0xffff_fffful)]
    [InlineData(PciBarKind.Io, 1ul, 0x0000_fffdu, 0ul)]
    [InlineData(PciBarKind.Io, 0x21ul, 0x0000_ffc1u, 0ul)]
    public void Bars_are_rounded_up_to_what_pci_can_express(PciBarKind kind, ulong size, uint low, ulong high)
    {
        PciGuest guest = _machine.Add(new FakePciDevice { Bars = [new(0, kind, size)] });
        guest.WriteConfig(0x10, uint.MaxValue);
        if (kind == PciBarKind.Memory64) guest.WriteConfig(0x14, uint.MaxValue);
        Assert.Equal(low, guest.ReadConfig(0x10));
        Assert.Equal(high, guest.ReadConfig(0x14));
        Assert.Equal(size, guest.Device.DescribeTree()[0].Bars[0].Size);
    }

    [Fact]
    public void Port_bars_answer_in_port_space_while_io_decoding_is_enabled()
    {
        var device = new FakePciDevice { Bars = [new(0, PciBarKind.Memory64, 0x100), new(2, PciBarKind.Io, 8), new(3, PciBarKind.Io, 8)] };
        PciGuest guest = _machine.Add(device);
        Assert.Equal(3u, guest.ReadConfig(4, 2));
        Assert.Equal((0x1000ul, 0x1008ul), (guest.Address(2), guest.Address(3)));
        device.TakeAccesses();
        guest.Write(2, 4, 4, 0xcafe);
        Assert.Equal(0xcafeu, guest.Read(2, 4, 4));
        Assert.Equal(["write 2 4 4", "read 2 4 4"], device.TakeAccesses());

        guest.WriteConfig(4, 2, 2);
        Assert.Equal(0xffff_fffful, _machine.Read(_machine.Ports, 0x1000, 4));
        guest.WriteConfig(4, 3, 2);
        guest.WriteConfig(0x18, 0xc001);
        guest.Read(2, 0, 1);
        Assert.Equal(0xc000ul, guest.Address(2));
        Assert.Equal(["read 2 0 1"], device.TakeAccesses());
        guest.WriteConfig(0x18, 0x61);   // the board's
        Assert.Equal(0xc000ul, guest.Address(2));
        Assert.Contains("outside the windows", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tree_node_shows_address_and_bars()
    {
        PciGuest guest = _machine.Add(
            new FakePciDevice { Bars = [new(0, PciBarKind.Memory32, 2), new(1, PciBarKind.Io, 4), new(2, PciBarKind.Memory64, 0x2000, true)] }, "__fake");
        DeviceTreeNode node = Assert.Single(guest.Device.DescribeTree());
        Assert.Equal(("__fake", "0000:00:01.0"), (node.Id, node.PciAddress));
        Assert.Null(node.Parent);
        Assert.Empty(node.Children);
        Assert.Equal(
            [
                new PciBarResource(0, 0xC000_0000, 2, PciBarKind.Memory32, false),
                new PciBarResource(1, 0x1000, 4, PciBarKind.Io, false),
                new PciBarResource(2, 0x80_0000_0000, 0x2000, PciBarKind.Memory64, true),
            ],
            node.Bars);
    }

    [Fact]
    public void Capabilities_are_linked_in_the_declared_order_around_what_the_device_owns()
    {
        PciGuest guest = _machine.Add(new PowerfulPciDevice
        {
            OwnedConfig = [new(0x44, 8)],
            Msix = new PciMsixTraits(3),
            Capabilities = [new(9, new byte[] { 1, 2, 3 }), new(5, new byte[] { 4, 5 }) { Offset = 0x40 }, new(9, new byte[] { 6, 7 })],
        });
        Assert.Equal([((byte)9, 0x4c), ((byte)5, 0x40), ((byte)9, 0x54), ((byte)0x11, 0x58), ((byte)0x13, 0x64)], guest.Capabilities());
        Assert.Equal([1u, 2u, 3u], new[] { 0x4e, 0x4f, 0x50 }.Select(offset => guest.ReadConfig(offset, 1)));
        Assert.Equal(0x10u, guest.ReadConfig(6, 2));
        guest.WriteConfig(0x4c, 0);
        Assert.Equal(0x0201_4009u, guest.ReadConfig(0x4c));
    }

    [Fact]
    public void Owned_registers_are_asked_by_dword_with_byte_enables()
    {
        var device = new PowerfulPciDevice { OwnedConfig = [new(0x80, 4), new(0x100, 0xf00)] };
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        guest.WriteConfig(0x80, 0x1122_3344);
        guest.WriteConfig(0x81, 0xff, 1);
        guest.WriteConfig(0x82, 0xabcd, 2);
        guest.WriteConfig(0xffe, 0x9988, 2);
        Assert.Equal(
            ["write config 80 11223344 ffffffff", "write config 80 ff00 ff00", "write config 80 abcd0000 ffff0000", "write config ffc 99880000 ffff0000"],
            device.TakeAccesses());
        Assert.Equal(0xabcd_ff44u, guest.ReadConfig(0x80));
        Assert.Equal(0xffu, guest.ReadConfig(0x81, 1));
        Assert.Equal(["read config 80", "read config 80"], device.TakeAccesses());

        // Across registers: each is asked for its own bytes; the neighbour is the host's.
        Assert.Equal(0x0000_abcdu, guest.ReadConfig(0x82));
        guest.WriteConfig(0x7e, 0x5566_7788);
        Assert.Equal(["read config 80", "write config 80 5566 ffff"], device.TakeAccesses());
        Assert.Equal(0u, guest.ReadConfig(0x7c));
    }

    [Fact]
    public void The_header_of_a_capability_inside_owned_registers_stays_the_hosts()
    {
        var device = new PowerfulPciDevice { OwnedConfig = [new(0x50, 8)], Capabilities = [new(9, new byte[6]) { Offset = 0x50 }] };
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        guest.WriteConfig(0x50, 0xffff_ffff);
        Assert.Equal(["write config 50 ffff0000 ffff0000"], device.TakeAccesses());
        Assert.Equal(0xffff_0009u, guest.ReadConfig(0x50) & 0xffff_00ff);
        Assert.Equal((9, 0x50), (guest.Capabilities()[0].Id, guest.Capabilities()[0].Offset));
        guest.WriteConfig(0x50, 0xff, 1);
        guest.WriteConfig(0x51, 0xff, 1);
        Assert.DoesNotContain(device.TakeAccesses(), access => access.StartsWith("write", StringComparison.Ordinal));
    }

    [Fact]
    public void A_function_level_reset_turns_everything_off_and_tells_the_device()
    {
        var device = new PowerfulPciDevice { Msix = new PciMsixTraits(1) };
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        ulong home = guest.Address(0);
        int reset = guest.Capability(0x13), msix = guest.Capability(0x11);
        Assert.Equal(0x0306u, guest.ReadConfig(reset + 2, 2));
        guest.WriteConfig(msix + 2, 0x8000, 2);
        guest.WriteConfig(reset + 4, 0, 1);
        Assert.Empty(device.TakeAccesses());

        guest.WriteConfig(reset + 4, 1, 1);
        Assert.Equal(["reset"], device.TakeAccesses());
        Assert.Equal(0u, guest.ReadConfig(reset + 4, 2));
        Assert.Equal((0u, 0u, 0u), (guest.ReadConfig(4, 2), guest.ReadConfig(0x10), guest.ReadConfig(msix + 2, 2)));
        Assert.Equal(0xffff_fffful, _machine.Read(_machine.Mmio, home, 4));

        guest.WriteConfig(0x10, (uint)home);
        guest.WriteConfig(0x14, (uint)home + 0x1000);   // the host's BAR with the MSI-X table
        guest.WriteConfig(4, 2, 2);
        guest.Read(0, 0, 4);
        Assert.Equal(["read 0 0 4"], device.TakeAccesses());
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Pausing_and_resuming_reach_a_device_that_works_by_itself()
    {
        var device = new PowerfulPciDevice();
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        guest.Device.Resume();
        guest.Device.Pause();
        guest.Device.Pause();
        guest.Device.Resume();
        guest.Device.Resume();
        Assert.Equal(["pause", "resume"], device.TakeAccesses());

        PciGuest plain = _machine.Add(new FakePciDevice(), "plain");
        plain.Device.Pause();
        plain.Device.Resume();
    }

    [Fact]
    public void Removing_disposes_the_device_once_and_frees_slot_bars_and_interrupts()
    {
        var device = new FakePciDevice { Msix = new PciMsixTraits(2), Bars = [new(0, PciBarKind.Memory32, 16), new(1, PciBarKind.Io, 4)] };
        PciGuest guest = _machine.Add(device);
        int slot = guest.Device.Slot;
        ulong memory = guest.Address(0), ports = guest.Address(1);
        Assert.True(guest.Device.Remove());
        Assert.True(guest.Device.Remove());
        Assert.Equal(1, device.Disposals);
        Assert.Null(_machine.Segment[slot]);
        device.TakeAccesses();
        Assert.Equal(0xfful, _machine.Read(_machine.Mmio, memory, 1));
        Assert.Equal(0xfful, _machine.Read(_machine.Ports, ports, 1));
        Assert.Empty(device.TakeAccesses());
        device.Transport!.SignalInterrupt(1);   // a thread that was late
        Assert.Equal((memory, ports), (_machine.Add(new FakePciDevice { Bars = device.Bars }).Address(0), ports));
    }

    [Theory]
    [InlineData("vendor id 0xffff", 0)]
    [InlineData("class code", 1)]
    [InlineData("BAR 6 is not free", 2)]
    [InlineData("BAR 1 is not free", 3)]
    [InlineData("size of 0x0", 4)]
    [InlineData("size of 0x10001", 5)]
    [InlineData("2049 interrupts", 6)]
    [InlineData("in BAR 1, which is no memory BAR", 7)]
    [InlineData("do not fit in BAR 0", 8)]
    [InlineData("do not fit in BAR 0", 9)]
    [InlineData("no place for its MSI-X table", 10)]
    [InlineData("registers of its own at 0x3c", 11)]
    [InlineData("registers of its own at 0xffc", 12)]
    [InlineData("is no IPciConfigSpace", 13)]
    [InlineData("two capabilities at 0x44", 14)]
    [InlineData("a capability of 8 bytes at 0xfc", 15)]
    [InlineData("too many capabilities", 16)]
    public void Impossible_traits_are_errors_in_words(string expected, int which)
    {
        FakePciDevice device = which switch
        {
            0 => new FakePciDevice { VendorId = 0xffff },
            1 => new FakePciDevice { ClassCode = 0x1_000000 },
            2 => new FakePciDevice { Bars = [new(6, PciBarKind.Memory32, 16)] },
            3 => new FakePciDevice { Bars = [new(0, PciBarKind.Memory64, 16), new(1, PciBarKind.Io, 16)] },
            4 => new FakePciDevice { Bars = [new(0, PciBarKind.Memory32, 0)] },
            5 => new FakePciDevice { Bars = [new(0, PciBarKind.Io, 0x10001)] },
            6 => new FakePciDevice { Msix = new PciMsixTraits(2049) },
            7 => new FakePciDevice { Msix = new PciMsixTraits(1) { Placement = new PciMsixPlacement(1, 0, 0x80) } },
            8 => new FakePciDevice { Msix = new PciMsixTraits(1) { Placement = new PciMsixPlacement(0, 0, 8) } },
            9 => new FakePciDevice { Msix = new PciMsixTraits(1) { Placement = new PciMsixPlacement(0, 0xf8, 0) } },
            10 => new FakePciDevice { Bars = [new(0, PciBarKind.Memory64, 16), new(2, PciBarKind.Memory64, 16), new(4, PciBarKind.Memory64, 16)], Msix = new PciMsixTraits(1) },
            11 => new PowerfulPciDevice { OwnedConfig = [new(0x3c, 8)] },
            12 => new PowerfulPciDevice { OwnedConfig = [new(0xffc, 8)] },
            13 => new FakePciDevice { OwnedConfig = [new(0x40, 4)] },
            14 => new FakePciDevice { Capabilities = [new(9, new byte[6]) { Offset = 0x40 }, new(9, new byte[6]) { Offset = 0x44 }] },
            15 => new FakePciDevice { Capabilities = [new(9, new byte[6]) { Offset = 0xfc }] },
            _ => new FakePciDevice { Capabilities = [new(9, new byte[100]), new(9, new byte[100])] },
        };
        string message = Assert.Throws<DeviceException>(() => new PciDeviceFunction("_bad", device, _machine.Environment, _machine.Log)).Message;
        Assert.StartsWith("device _bad declares ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_refuses_to_be_attached_is_an_error_and_holds_nothing()
    {
        var device = new FakePciDevice { Throws = nameof(IPciDevice.Attach), Msix = new PciMsixTraits(1) };
        var error = Assert.Throws<DeviceException>(() => new PciDeviceFunction("_bad", device, _machine.Environment, _machine.Log));
        Assert.Contains("_bad cannot be put on the bus", error.Message, StringComparison.Ordinal);
        Assert.Equal("no Attach today", error.InnerException!.Message);
    }
}
