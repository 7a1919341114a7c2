using Plugvisor.Abstractions.Pci;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>MSI-X of a plugin's PCI device: the host's, wherever the table lies.</summary>
public sealed class PciDeviceMsixTests : IDisposable
{
    private const ulong Message = 0xFEE0_2000;

    private readonly VirtioPciMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_host_adds_a_bar_for_the_table_at_the_first_free_register()
    {
        var device = new FakePciDevice { Bars = [new(0, PciBarKind.Memory64, 0x100), new(3, PciBarKind.Io, 4)], Msix = new PciMsixTraits(300) };
        PciGuest guest = _machine.Add(device);
        int capability = guest.Capability(0x11);
        Assert.Equal(299u, guest.ReadConfig(capability + 2, 2));
        Assert.Equal(2u, guest.ReadConfig(capability + 4));
        Assert.Equal(300u * 16 | 2, guest.ReadConfig(capability + 8));
        Assert.Equal(0x2000ul, guest.Device.Bars[2]!.Size);
        device.TakeAccesses();
        for (ulong offset = 0; offset < 0x2000; offset++) guest.Read(2, offset, 8);
        Assert.Empty(device.TakeAccesses());
    }

    [Fact]
    public void A_vector_sends_its_message_once_the_guest_has_enabled_it()
    {
        var device = new FakePciDevice { Msix = new PciMsixTraits(2) };
        PciGuest guest = _machine.Add(device);
        device.Transport!.SignalInterrupt(1);
        Assert.Equal(2ul, guest.Read(1, 32, 8));   // pending
        SetVector(guest, 1, 0, 0x55);
        Enable(guest);
        Assert.Equal((Message, 0x55u), (_machine.Vm.Routes[0].Address, _machine.Vm.Routes[0].Data));
        Assert.Equal(1ul, Assert.Single(_machine.Vm.IrqFds).Value.Drain());
        device.Transport.SignalInterrupt(1);
        Assert.Equal(1ul, _machine.Vm.IrqFds.Values.Single().Drain());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void An_interrupt_that_was_not_declared_is_the_devices_mistake(int vector)
    {
        var device = new FakePciDevice { Msix = new PciMsixTraits(2) };
        _machine.Add(device);
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Transport!.SignalInterrupt(vector));
    }

    [Fact]
    public void A_table_inside_the_devices_bar_is_cut_out_of_it()
    {
        var device = new FakePciDevice
        {
            Bars = [new(0, PciBarKind.Memory32, 0x100)],
            Msix = new PciMsixTraits(2) { Placement = new PciMsixPlacement(0, TableOffset: 0x40, PendingOffset: 0x80) },
        };
        PciGuest guest = _machine.Add(device);
        int capability = guest.Capability(0x11);
        Assert.Equal((0x40u, 0x80u), (guest.ReadConfig(capability + 4), guest.ReadConfig(capability + 8)));
        device.TakeAccesses();
        SetVector(guest, 1, 0x40, 0x66);
        Assert.Equal(Message, guest.Read(0, 0x50, 8));
        Assert.Equal(0ul, guest.Read(0, 0x80, 8));
        Assert.Empty(device.TakeAccesses());

        // Accesses that cross from the device's registers into the host's end there, and the other way round.
        guest.Write(0, 0x38, 8, 0x1122_3344_5566_7788);
        guest.Write(0, 0x3c, 8, 0xaabb_ccdd_eeff_0011);
        Assert.Equal(0xffff_ffff_eeff_0011, guest.Read(0, 0x3c, 8));
        Assert.Equal(0xffff_ffff_0000_0001u, guest.Read(0, 0x5c, 8));   // vector 1 is masked; beyond it is the device, which is not asked
        guest.Read(0, 0x60, 1);
        guest.Read(0, 0x7f, 2);
        guest.Read(0, 0x88, 1);
        Assert.Equal(
            ["write 0 38 8", "write 0 3c 4", "read 0 3c 4", "read 0 60 1", "read 0 7f 1", "read 0 88 1"], device.TakeAccesses());
    }

    private static void SetVector(PciGuest guest, int vector, ulong table, uint data)
    {
        int bar = guest.Device.Bars[1] is null ? 0 : 1;
        ulong entry = table + 16 * (ulong)vector;
        guest.Write(bar, entry, 8, Message);
        guest.Write(bar, entry + 8, 4, data);
        guest.Write(bar, entry + 12, 4, table == 0 ? 0u : 1u);
    }

    private static void Enable(PciGuest guest) => guest.WriteConfig(guest.Capability(0x11) + 2, 0x8000, 2);
}
