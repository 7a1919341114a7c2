using System.Buffers.Binary;
using Plugvisor.Machine.Hotplug;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Hotplug;

public sealed class CpuHotplugControllerTests
{
    private const ulong Select = 0, State = 4;
    private const byte Enabled = 1, Inserting = 2, Eject = 8;

    private readonly List<int> _ejected = [];
    private readonly CpuHotplugController _controller;

    public CpuHotplugControllerTests() => _controller = new CpuHotplugController(boot: 2, max: 4, _ejected.Add);

    [Fact]
    public void A_vcpu_is_ejected_once_and_the_first_one_never()
    {
        Assert.Equal((Enabled, Enabled, (byte)0, (byte)0), (StateOf(0), StateOf(1), StateOf(2), StateOf(3)));
        Write(0, Eject);
        Write(1, Eject);
        Write(1, Eject);
        Write(2, Eject);
        Assert.Equal([1], _ejected);
        Assert.Equal((Enabled, (byte)0), (StateOf(0), StateOf(1)));
    }

    [Fact]
    public void An_insertion_is_acknowledged_by_writing_one()
    {
        _controller.Inserted(2);
        Assert.Equal(Enabled | Inserting, StateOf(2));
        Write(2, Inserting);
        Assert.Equal(Enabled, StateOf(2));
    }

    [Theory]
    [InlineData(4u)]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    public void A_vcpu_that_there_cannot_be_has_no_state_and_is_not_ejected(uint vcpu)
    {
        Write(vcpu, 0xff);
        Assert.Equal(0, StateOf(vcpu));
        Assert.Empty(_ejected);
    }

    [Fact]
    public void Accesses_of_every_width_at_every_offset_are_survived()
    {
        byte[] ones = Enumerable.Repeat((byte)0xff, 8).ToArray(), read = new byte[8];
        for (ulong offset = 0; offset < CpuHotplugController.Length + 8; offset++)
        {
            for (int width = 0; width <= 8; width++)
            {
                _controller.Write(offset, ones.AsSpan(0, width));
                _controller.Read(offset, read.AsSpan(0, width));
            }
        }

        Assert.Equal((Enabled, Enabled, (byte)0, (byte)0), (StateOf(0), StateOf(1), StateOf(2), StateOf(3)));
        Assert.Empty(_ejected);   // none was selected: the only 32-bit write to that register chose one that there is not
    }

    private byte StateOf(uint vcpu)
    {
        Choose(vcpu);
        byte[] state = [0xff];
        _controller.Read(State, state);
        return state[0];
    }

    private void Write(uint vcpu, byte state)
    {
        Choose(vcpu);
        _controller.Write(State, [state]);
    }

    private void Choose(uint vcpu)
    {
        byte[] number = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, vcpu);
        _controller.Write(Select, number);
    }
}
