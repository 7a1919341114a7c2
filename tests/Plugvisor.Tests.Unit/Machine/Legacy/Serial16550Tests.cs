using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Legacy;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Legacy;

public sealed class Serial16550Tests
{
    private readonly Wire _wire = new();
    private readonly Peer _peer = new();
    private readonly Serial16550 _serial;

    public Serial16550Tests() => _serial = new Serial16550(_wire, _peer);

    [Fact]
    public void A_transmitted_byte_reaches_the_peer_and_the_transmitter_is_empty_at_once()
    {
        Out(0, (byte)'x');
        Assert.Equal("x"u8, _peer.Sent.ToArray());
        Assert.Equal(0x60, In(5) & 0x60);
    }

    [Fact]
    public void Enabling_the_transmit_interrupt_raises_it_and_reading_the_cause_clears_it()
    {
        Out(1, 2);
        Assert.Equal(1, _wire.Pulses);
        Assert.Equal(2, In(2));
        Assert.Equal(1, In(2));
    }

    [Fact]
    public void Received_bytes_come_out_in_order_and_raise_the_receive_interrupt()
    {
        Out(1, 1);
        Assert.Equal(3, _serial.Receive("abc"u8));
        Assert.Equal(1, _wire.Pulses);
        Assert.Equal(4, In(2));
        Assert.Equal((byte)'a', In(0));
        Assert.Equal((byte)'b', In(0));
        Assert.Equal(1, In(5) & 1);
        Assert.Equal((byte)'c', In(0));
        Assert.Equal(0, In(5) & 1);
    }

    [Fact]
    public void The_fifo_takes_sixteen_bytes_and_asks_for_more_when_it_is_empty()
    {
        Assert.Equal(16, _serial.Receive(new byte[40]));
        Assert.Equal(0, _serial.Room);
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal(0, _peer.ReadyCalls);
            In(0);
        }

        Assert.Equal(1, _peer.ReadyCalls);
        Assert.Equal(16, _serial.Room);
    }

    [Fact]
    public void The_divisor_hides_behind_its_latch_bit()
    {
        Out(3, 0x83);
        Out(0, 0x34);
        Out(1, 0x12);
        Assert.Equal(0x34, In(0));
        Assert.Equal(0x12, In(1));
        Out(3, 3);
        Assert.Equal(0, In(1));
        Assert.Empty(_peer.Sent);
    }

    [Fact]
    public void In_loopback_a_sent_byte_comes_back_and_modem_lines_mirror_each_other()
    {
        Out(4, 0x10 | 0x0b);
        Out(0, 0x5a);
        Assert.Empty(_peer.Sent);
        Assert.Equal(0x5a, In(0));
        Assert.Equal(0x10 | 0x20 | 0x80, In(6));
        Assert.Equal(0, _serial.Receive("x"u8));
    }

    [Fact]
    public void The_fifo_shows_in_the_cause_register_once_it_is_enabled()
    {
        Out(2, 1);
        Assert.Equal(0xc1, In(2));
    }

    [Fact]
    public void Accesses_of_any_width_at_any_offset_do_nothing_worse_than_nothing()
    {
        for (ulong offset = 0; offset < 8; offset++)
        {
            for (int width = 2; width <= 8; width++)
            {
                byte[] data = new byte[width];
                data.AsSpan().Fill(0xff);
                _serial.Read(offset, data);
                Assert.All(data, b => Assert.Equal(0xff, b));
                _serial.Write(offset, data);
            }
        }

        Assert.Empty(_peer.Sent);
    }

    private byte In(ulong register)
    {
        byte[] data = [0xff];
        _serial.Read(register, data);
        return data[0];
    }

    private void Out(ulong register, byte value) => _serial.Write(register, [value]);

    private sealed class Wire : IInterruptLine
    {
        public int Pulses { get; private set; }

        public void Pulse() => Pulses++;
    }

    private sealed class Peer : ISerialPeer
    {
        public List<byte> Sent { get; } = [];

        public int ReadyCalls { get; private set; }

        public void Transmit(byte value) => Sent.Add(value);

        public void ReceiverReady() => ReadyCalls++;
    }
}
