using Moq;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Legacy;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Legacy;

public sealed class ResetAndPowerTests
{
    private readonly Mock<IMachineEvents> _events = new(MockBehavior.Strict);

    [Fact]
    public void Command_fe_to_the_keyboard_controller_resets()
    {
        _events.Setup(e => e.OnReset(It.IsAny<string>()));
        var i8042 = new I8042(_events.Object);
        i8042.Write(3, [0xd1]);
        i8042.Write(0, [0xfe]);
        _events.VerifyNoOtherCalls();
        i8042.Write(3, [0xfe]);
        _events.Verify(e => e.OnReset(It.IsAny<string>()), Times.Once);
        Assert.Equal(0x20, In(i8042, 0));
    }

    [Theory]
    [InlineData(0x34, false, true)]
    [InlineData(0x01, true, false)]
    [InlineData(0x14, false, false)]
    [InlineData(0x20, false, false)]
    [InlineData(0x00, false, false)]
    public void The_acpi_register_tells_reset_from_power_off(byte value, bool reset, bool powerOff)
    {
        _events.Setup(e => e.OnReset(It.IsAny<string>()));
        _events.Setup(e => e.OnPowerOff());
        new AcpiShutdown(_events.Object).Write(0, [value]);
        _events.Verify(e => e.OnReset(It.IsAny<string>()), Times.Exactly(reset ? 1 : 0));
        _events.Verify(e => e.OnPowerOff(), Times.Exactly(powerOff ? 1 : 0));
    }

    [Fact]
    public void Only_shutdown_status_with_nmis_masked_resets_because_linux_clears_the_other_at_each_cpu_start()
    {
        _events.Setup(e => e.OnReset(It.IsAny<string>()));
        var cmos = new Cmos(_events.Object, TimeProvider.System, 1ul << 30, 0);
        cmos.Write(0, [0x0f]);
        cmos.Write(1, [0]);
        cmos.Write(0, [0x8f]);
        cmos.Write(1, [5]);
        _events.VerifyNoOtherCalls();
        cmos.Write(1, [0]);
        _events.Verify(e => e.OnReset(It.IsAny<string>()), Times.Once);
    }

    [Fact]
    public void Cmos_tells_the_memory_sizes_where_firmware_looks()
    {
        var cmos = new Cmos(_events.Object, TimeProvider.System, 0xC000_0000, 5ul << 30);
        Assert.Equal((0xC000_0000L - (16 << 20)) / 65536, (long)(Cell(cmos, 0x34) | (Cell(cmos, 0x35) << 8)));
        Assert.Equal((5L << 30) / 65536, (long)(Cell(cmos, 0x5b) | (Cell(cmos, 0x5c) << 8) | (Cell(cmos, 0x5d) << 16)));
        cmos.Write(0, [0x34]);
        cmos.Write(1, [0]);
        Assert.NotEqual(0, Cell(cmos, 0x35));
    }

    [Fact]
    public void Cmos_tells_the_time_in_bcd()
    {
        var clock = new Mock<TimeProvider>();
        clock.Setup(c => c.GetUtcNow()).Returns(new DateTimeOffset(2026, 11, 21, 20, 48, 59, TimeSpan.Zero));
        var cmos = new Cmos(_events.Object, clock.Object, 1ul << 30, 0);
        Assert.Equal([0x59, 0x48, 0x20, 0x07, 0x21, 0x11, 0x26, 0x20],
            new byte[] { 0, 2, 4, 6, 7, 8, 9, 0x32 }.Select(index => Cell(cmos, index)));
    }

    [Fact]
    public void The_pm_timer_runs_at_its_frequency_and_wraps_at_32_bits()
    {
        long now = 0;
        var clock = new Mock<TimeProvider>();
        clock.Setup(c => c.GetTimestamp()).Returns(() => now);
        clock.SetupGet(c => c.TimestampFrequency).Returns(1_000_000_000);
        var timer = new PmTimer(clock.Object);
        now = 1_000_000_000;
        Assert.Equal(3_579_545u, BitConverter.ToUInt32(Read(timer, 0, 4)));
        now = 1_200_000_000_000;   // 1,200 s: once around
        Assert.Equal(unchecked((uint)(1200L * 3_579_545)), BitConverter.ToUInt32(Read(timer, 0, 4)));
        Assert.Equal(Read(timer, 0, 4)[2], Read(timer, 2, 1)[0]);
    }

    private static byte Cell(Cmos cmos, byte index)
    {
        cmos.Write(0, [index]);
        return In(cmos, 1);
    }

    private static byte In(IBusDevice device, ulong offset) => Read(device, offset, 1)[0];

    private static byte[] Read(IBusDevice device, ulong offset, int width)
    {
        byte[] data = new byte[width];
        data.AsSpan().Fill(0xff);
        device.Read(offset, data);
        return data;
    }
}
