using Plugvisor.Machine.Interrupts;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Interrupts;

public sealed class IoapicTests
{
    private readonly FakeVm _vm = new();
    private readonly Ioapic _ioapic;

    public IoapicTests() => _ioapic = new Ioapic(_vm, new MsiRouter(_vm));

    [Fact]
    public void An_edge_on_an_unmasked_pin_is_one_message_with_its_vector_and_destination()
    {
        Program(4, 0x31, destination: 2);
        _ioapic.Line(4).Pulse();
        Assert.Equal([(0xFEE0_2000ul, 0x4031u)], _vm.Messages);
    }

    [Fact]
    public void An_edge_on_a_masked_pin_is_kept_until_it_is_unmasked()
    {
        _ioapic.Line(4).Pulse();
        _ioapic.Line(4).Pulse();
        Assert.Empty(_vm.Messages);
        Program(4, 0x31, destination: 0);
        Assert.Equal([(0xFEE0_0000ul, 0x4031u)], _vm.Messages);
    }

    [Fact]
    public void A_level_is_delivered_again_after_each_end_of_interrupt_while_it_is_asserted()
    {
        Program(9, 0x8000 | 0x41, destination: 0);
        _ioapic.SetLevel(9, true);
        _ioapic.SetLevel(9, true);
        Assert.Equal([(0xFEE0_0000ul, 0xC041u)], _vm.Messages);
        _ioapic.EndOfInterrupt(0x41);
        Assert.Equal(2, _vm.Messages.Count);
        _ioapic.SetLevel(9, false);
        _ioapic.EndOfInterrupt(0x41);
        Assert.Equal(2, _vm.Messages.Count);
    }

    [Fact]
    public void Version_and_redirection_entries_read_back()
    {
        Assert.Equal(0x0017_0011u, ReadRegister(1));
        Program(23, 0x55, destination: 0xff);
        Assert.Equal(0x55u, ReadRegister(0x10 + 46));
        Assert.Equal(0xff00_0000u, ReadRegister(0x10 + 47));
        Assert.Equal(0u, ReadRegister(0x40));
    }

    [Fact]
    public void The_guest_can_not_write_the_read_only_bits()
    {
        Program(3, 0x5031, destination: 0);
        Assert.Equal(0x31u, ReadRegister(0x10 + 6));
    }

    [Fact]
    public void Any_access_of_any_width_leaves_it_alive()
    {
        for (ulong offset = 0; offset < Ioapic.Length; offset++)
        {
            for (int width = 1; width <= 8; width++)
            {
                _ioapic.Read(offset, new byte[width]);
                _ioapic.Write(offset, new byte[width]);
            }
        }

        Assert.Equal(0x0017_0011u, ReadRegister(1));
    }

    private void Program(int pin, uint low, byte destination)
    {
        WriteRegister((byte)(0x11 + (2 * pin)), (uint)destination << 24);
        WriteRegister((byte)(0x10 + (2 * pin)), low);
    }

    private void WriteRegister(byte index, uint value)
    {
        _ioapic.Write(0, BitConverter.GetBytes((uint)index));
        _ioapic.Write(0x10, BitConverter.GetBytes(value));
    }

    private uint ReadRegister(byte index)
    {
        _ioapic.Write(0, BitConverter.GetBytes((uint)index));
        byte[] data = new byte[4];
        _ioapic.Read(0x10, data);
        return BitConverter.ToUInt32(data);
    }
}
