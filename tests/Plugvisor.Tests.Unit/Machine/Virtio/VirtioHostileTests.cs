using Plugvisor.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>What a hostile driver does to the registers, numbered as the project numbers the hostile cases; 21 and 26 are in files of their own.</summary>
public sealed class VirtioHostileTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();
    private readonly FakeVirtioDevice _device = new(), _other = new();
    private readonly GuestDriver _guest, _beside;

    public VirtioHostileTests()
    {
        _guest = _machine.Add(_device);
        _beside = _machine.Add(_other, "other");
        _beside.Start(0, 1);
    }

    public void Dispose()
    {
        // Whatever was done to the one device, the other goes on.
        Assert.Equal(15, _beside.StatusNow);
        Assert.Equal(2, _other.Queues.Count);
        _machine.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(127)]
    [InlineData(256)]
    [InlineData(0x8000)]
    [InlineData(0xffff)]
    public void Hostile_15_a_queue_of_an_impossible_size_does_not_start(int size)
    {
        _guest.Negotiate();
        _guest.SetUpQueue(0, size: (ulong)size);
        Assert.Equal(128ul, _guest.Read(GuestDriver.QueueSize, 2));
        AssertQueueRefused("size");
    }

    [Fact]
    public void Hostile_15_a_driver_that_thinks_again_about_the_size_gets_its_queue()
    {
        _guest.Negotiate();
        _guest.Write(GuestDriver.QueueSize, 2, 100);
        _guest.SetUpQueue(0, size: 32);
        _guest.SetStatus(15);
        Assert.Equal(32, _device.Queues[0].Queue.Size);
    }

    [Fact]
    public void Hostile_16_size_and_addresses_cannot_change_after_enable_or_driver_ok()
    {
        _guest.Start(0);
        foreach (int queue in (int[])[0, 1])
        {
            _guest.Write(GuestDriver.QueueSelect, 2, (ulong)queue);
            ulong size = _guest.Read(GuestDriver.QueueSize, 2), desc = _guest.Read(GuestDriver.QueueDesc, 8);
            _guest.Write(GuestDriver.QueueSize, 2, 64);
            foreach (ulong register in (ulong[])[GuestDriver.QueueDesc, GuestDriver.QueueDriver, GuestDriver.QueueDevice])
            {
                _guest.Write(register, 4, 0x7000);
                _guest.Write(register + 4, 4, 7);
                _guest.Write(register, 8, 0x7000);
            }

            _guest.Write(GuestDriver.QueueEnable, 2, 1);
            Assert.Equal(size == 64 ? 64 : size, _guest.Read(GuestDriver.QueueSize, 2));
            Assert.Equal(desc, _guest.Read(GuestDriver.QueueDesc, 8));
            Assert.Equal(queue == 0 ? 1ul : 0, _guest.Read(GuestDriver.QueueEnable, 2));
        }

        _guest.Write(GuestDriver.QueueSelect, 2, 0);
        _guest.Write(GuestDriver.QueueEnable, 2, 0);
        Assert.Equal(1ul, _guest.Read(GuestDriver.QueueEnable, 2));
        Assert.Equal(["Activate", "StartQueue 0 at 0"], _device.Calls);
        Assert.Equal(16, _device.Queues[0].Queue.Size);
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Hostile_17_a_queue_that_does_not_exist_has_size_0_and_takes_nothing()
    {
        _guest.Negotiate();
        foreach (ulong queue in (ulong[])[2, 3, 0x7fff, 0xffff])
        {
            _guest.Write(GuestDriver.QueueSelect, 2, queue);
            for (ulong register = GuestDriver.QueueSize; register < 0x38; register += 2) _guest.Write(register, 2, 1);
            foreach (ulong register in (ulong[])[0x20, 0x28, 0x30]) _guest.Write(register, 8, 0x1000);
            Assert.Equal(queue, _guest.Read(GuestDriver.QueueSelect, 2));
            Assert.Equal(0ul, _guest.Read(GuestDriver.QueueSize, 2));
            Assert.Equal(0xfffful, _guest.Read(GuestDriver.QueueVector, 2));
            Assert.Equal(0ul, _guest.Read(GuestDriver.QueueEnable, 2));
            Assert.Equal(0ul, _guest.Read(GuestDriver.QueueNotifyOff, 2));
            foreach (ulong register in (ulong[])[0x20, 0x28, 0x30]) Assert.Equal(0ul, _guest.Read(register, 8));
        }

        Assert.False(_guest.IsBroken);
    }

    [Theory]
    [InlineData(3)]         // one past the last of three
    [InlineData(0x7ff)]
    [InlineData(0x800)]
    [InlineData(0xfffe)]
    [InlineData(0xffff)]
    public void Hostile_17_a_vector_that_does_not_exist_reads_back_as_none(int vector)
    {
        _guest.Write(GuestDriver.ConfigVector, 2, 1);
        Assert.Equal(1ul, _guest.Read(GuestDriver.ConfigVector, 2));
        _guest.Write(GuestDriver.ConfigVector, 2, (ulong)vector);
        Assert.Equal(0xfffful, _guest.Read(GuestDriver.ConfigVector, 2));
        _guest.Write(GuestDriver.QueueVector, 2, 2);
        Assert.Equal(2ul, _guest.Read(GuestDriver.QueueVector, 2));
        _guest.Write(GuestDriver.QueueVector, 2, (ulong)vector);
        Assert.Equal(0xfffful, _guest.Read(GuestDriver.QueueVector, 2));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 0x20000, 0x30000)]
    [InlineData(0x10000, 0, 0x30000)]
    [InlineData(0x10000, 0x20000, 0)]
    public void Hostile_18_a_queue_without_addresses_does_not_start(ulong descriptors, ulong driver, ulong device)
    {
        _guest.Negotiate();
        _guest.SetUpQueue(0, 16, descriptors, driver, device);
        AssertQueueRefused("never set");
    }

    [Theory]
    [InlineData(0x10008, 0x20000, 0x30000, "misaligned")]
    [InlineData(0x10000, 0x20001, 0x30000, "misaligned")]
    [InlineData(0x10000, 0x20000, 0x30002, "misaligned")]
    [InlineData(0xfff10, 0x20000, 0x30000, "not in RAM")]                   // the table ends behind RAM
    [InlineData(0x10000, 0xffffe, 0x30000, "not in RAM")]
    [InlineData(0x10000, 0x20000, 0xfff80, "not in RAM")]
    [InlineData(0xC000_0000, 0x20000, 0x30000, "not in RAM")]
    [InlineData(0x10000, 0x80_0000_4000, 0x30000, "not in RAM")]            // its own BAR
    [InlineData(0xffff_ffff_ffff_fff0, 0x20000, 0x30000, "not in RAM")]
    [InlineData(0x10000, 0x20000, 0xffff_ffff_ffff_fffc, "not in RAM")]
    public void Hostile_18_rings_that_are_misaligned_or_not_wholly_in_RAM_do_not_start(ulong descriptors, ulong driver, ulong device, string why)
    {
        _guest.Negotiate();
        _guest.SetUpQueue(0, 16, descriptors, driver, device);
        AssertQueueRefused(why);
    }

    [Fact]
    public void Hostile_19_kicks_at_the_wrong_time_or_queue_reach_nobody()
    {
        for (int queue = 0; queue < 1024; queue++) _guest.Kick(queue);
        _guest.Negotiate();
        _guest.SetUpQueue(0);
        _guest.Kick(0);
        _guest.SetStatus(15);
        for (int queue = 1; queue < 1024; queue++) _guest.Kick(queue);
        Assert.Equal(["Activate", "StartQueue 0 at 0"], _device.Calls);
        Assert.True(_guest.Reset());
        for (int queue = 0; queue < 1024; queue++) _guest.Kick(queue);
        Assert.Equal(0, _guest.StatusNow);
        Assert.Empty(_device.Queues);
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Hostile_20_driver_ok_without_features_ok_starts_nothing()
    {
        _guest.SetStatus(1);
        _guest.SetStatus(3);
        _guest.SetUpQueue(0);
        _guest.SetStatus(7);
        Assert.Equal(3 | GuestDriver.NeedsReset, _guest.StatusNow);
        Assert.Empty(_device.Calls);
        Assert.Contains("without an accepted FEATURES_OK", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        Assert.True(_guest.Reset());
        _guest.Start(0);
        Assert.Equal(15, _guest.StatusNow);
    }

    [Theory]
    [InlineData(0ul)]                                   // without VERSION_1
    [InlineData(GuestDriver.Version1 | 1ul << 6)]       // not offered
    [InlineData(GuestDriver.Version1 | 1ul << 34)]      // offered by the device, but not by the transport
    [InlineData(ulong.MaxValue)]
    public void Hostile_20_features_that_were_not_offered_are_refused(ulong features)
    {
        Assert.False(_guest.Negotiate(features));
        Assert.Equal(3, _guest.StatusNow);
        Assert.True(_guest.Negotiate());   // a driver may think again
    }

    [Fact]
    public void Hostile_20_a_feature_above_bit_63_is_refused()
    {
        _guest.Write(GuestDriver.DriverFeatureSelect, 4, 2);
        _guest.Write(GuestDriver.DriverFeature, 4, 1);
        Assert.False(_guest.Negotiate());
    }

    [Fact]
    public void Hostile_20_features_cannot_change_after_features_ok()
    {
        Assert.True(_guest.Negotiate());
        _guest.SetFeatures(GuestDriver.Version1 | 1 << 29);
        _guest.SetUpQueue(0);
        _guest.SetStatus(15);
        Assert.Equal(GuestDriver.Version1, _device.Features);
        _guest.Write(GuestDriver.DriverFeatureSelect, 4, 0);
        Assert.Equal(0ul, _guest.Read(GuestDriver.DriverFeature, 4));
    }

    [Fact]
    public void Hostile_20_bits_do_not_go_away_and_unknown_ones_do_not_stick()
    {
        _guest.SetStatus(3);
        _guest.SetStatus(1);
        Assert.Equal(3, _guest.StatusNow);
        _guest.SetStatus(0x70);
        Assert.Equal(3, _guest.StatusNow);
        _guest.SetStatus(0x83);
        Assert.Equal(0x83, _guest.StatusNow);
        Assert.True(_guest.Reset());
    }

    [Fact]
    public void Hostile_23_every_offset_takes_every_width_and_never_throws()
    {
        _guest.Negotiate();
        for (ulong offset = 0; offset < 0x50000; offset += offset is > 0x40 and < 0x1fc0 or > 0x2040 and < 0x3fc0 or > 0x9000 and < 0x47fc0 ? 61u : 1)
        {
            for (int width = 1; width <= 8; width++)
            {
                ulong value = _guest.Read(offset, width);
                if (IsNothing(offset, width)) Assert.Equal(ulong.MaxValue >> (64 - 8 * width), value);
            }
        }

        for (int width = 1; width <= 8; width++)
        {
            for (ulong offset = 0x80000 - 8; offset < 0x80000 + 8; offset++) _guest.Read(offset, width);
            for (ulong offset = 0; offset < 0x48100; offset++)
            {
                // All zero resets, which keeps the queues of the device stopped; each other value is odd in its way.
                _guest.Write(offset, width, 0);
                if (offset > 0x100 && offset % 0x100 > 0x40) offset += 0x10;
                _guest.Write(offset, width, 0x0102_0304_0506_0708);
            }
        }

        Assert.True(_guest.Reset());
    }

    [Fact]
    public void Hostile_23_common_registers_take_whole_fields_and_halves_of_addresses_only()
    {
        _guest.Negotiate();
        _guest.Write(GuestDriver.QueueDesc, 8, 0x1122_3344_5566_7780);
        foreach ((ulong offset, int width) in ((ulong, int)[])[(0x20, 1), (0x20, 2), (0x21, 4), (0x22, 4), (0x26, 2), (0x24, 8), (0x1e, 8), (0x1c, 8)])
            _guest.Write(offset, width, 0);
        Assert.Equal(0x1122_3344_5566_7780ul, _guest.Read(GuestDriver.QueueDesc, 8));
        _guest.Write(GuestDriver.QueueDesc, 4, 0x10);
        Assert.Equal(0x1122_3344_0000_0010ul, _guest.Read(GuestDriver.QueueDesc, 8));
        _guest.Write(GuestDriver.QueueDesc + 4, 4, 0x99);
        Assert.Equal(0x0000_0099_0000_0010ul, _guest.Read(GuestDriver.QueueDesc, 8));
        _guest.Write(GuestDriver.Status, 2, 0);
        _guest.Write(GuestDriver.Status, 4, 0);
        _guest.Write(GuestDriver.ConfigVector, 8, 0);
        Assert.Equal(11, _guest.StatusNow);
        Assert.Equal(0x0000_000bul, _guest.Read(GuestDriver.Status, 4) & 0xff);
        Assert.Equal(0xffff_ffff_ffff_0000ul, _guest.Read(0x36, 8));
    }

    [Fact]
    public void Hostile_23_every_offset_of_configuration_space_takes_every_width()
    {
        ulong ecam = PciRoot.EcamBase + (ulong)(_guest.Slot << 15);
        for (int width = 1; width <= 8; width++)
        {
            for (ulong offset = 0; offset < 0x1000; offset++)
            {
                _machine.Read(_machine.Mmio, ecam + offset, width);
                _machine.Write(_machine.Mmio, ecam + offset, width, offset * 0x9e37_79b9_7f4a_7c15);
            }
        }

        Assert.Equal(0x1042_1af4u, _guest.ReadPci(0));
    }

    [Fact]
    public void Hostile_24_the_config_window_reaches_the_registers_and_nothing_else()
    {
        int window = _guest.Capability(9, 5);
        Point(0, GuestDriver.NumQueues, 2);
        Assert.Equal(0xffff_0002u, _guest.ReadPci(window + 16));
        Assert.Equal(2u, _guest.ReadPci(window + 16, 2));
        Point(0, GuestDriver.Status, 1);
        _guest.WritePci(window + 16, 1, 1);
        Assert.Equal(1, _guest.StatusNow);
        Point(0, GuestDriver.Config, 4);
        _guest.WritePci(window + 16, 0xcafe_f00d);
        Assert.Equal(0xcafe_f00du, BitConverter.ToUInt32(_device.Config));

        foreach ((uint bar, ulong offset, uint length) in ((uint, ulong, uint)[])
            [(1, 0, 4), (5, 0, 4), (6, 0, 4), (255, 0, 4), (0, 0, 0), (0, 0, 3), (0, 0, 5), (0, 0, 8), (0, 0, 0xffff_ffff), (0, 0x80000, 4),
                (0, 0x7_fffe, 4), (0, 0xffff_fffc, 4), (0, 0xffff_ffff, 1), (0, 1, 2), (0, 2, 4)])
        {
            Point(bar, offset, length);
            Assert.Equal(uint.MaxValue, _guest.ReadPci(window + 16));
            _guest.WritePci(window + 16, 0);
        }

        Point(0, 0x7_fffc, 4);
        Assert.Equal(uint.MaxValue, _guest.ReadPci(window + 16));
        Assert.Equal(1, _guest.StatusNow);

        void Point(uint bar, ulong offset, uint length)
        {
            _guest.WritePci(window + 4, bar, 1);
            _guest.WritePci(window + 8, (uint)offset);
            _guest.WritePci(window + 12, length);
        }
    }

    [Fact]
    public void Hostile_25_the_bar_moves_about_while_other_vcpus_use_it()
    {
        _guest.Start(0);
        ulong home = _guest.Bar;
        bool stop = false;
        Exception? failure = null;
        var vcpu = new Thread(() =>
        {
            try
            {
                while (!Volatile.Read(ref stop))
                {
                    // At the old place, the new one, and wherever: a value of the device or nothing.
                    foreach (ulong address in (ulong[])[home, home + 0x1_0000_0000, 0xD000_0000])
                    {
                        ulong queues = _machine.Read(_machine.Mmio, address + GuestDriver.NumQueues, 2);
                        if (queues is not (2 or 0xffff)) throw new InvalidOperationException($"read {queues:x}");
                        _machine.Write(_machine.Mmio, address + GuestDriver.Notify, 2, 0);
                    }
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        vcpu.Start();
        for (int i = 0; i < 2_000; i++)
        {
            foreach (uint low in (uint[])[0x1000, 0xFEC0_0000, 0xFEE0_0000, 0xE800_0000, (uint)_beside.Bar, 0xfff8_0000])
            {
                _guest.WritePci(0x14, low == (uint)_beside.Bar ? (uint)(_beside.Bar >> 32) : 0);
                _guest.WritePci(0x10, low);
            }

            _guest.WritePci(0x10, 0);
            _guest.WritePci(0x14, i % 2 == 0 ? 0x81u : 0x80u);
        }

        Volatile.Write(ref stop, true);
        vcpu.Join();
        Assert.Null(failure);
        Assert.Equal(home, _guest.Bar);
        Assert.Equal([home + GuestDriver.Notify], _machine.Vm.Doorbells.Keys.Where(address => address < _beside.Bar));
        Assert.Equal(15, _guest.StatusNow);
        _device.Queues[0].Doorbell.Drain();
        _guest.Kick(0);
        Assert.Equal(1ul, _device.Queues[0].Doorbell.Drain());
    }

    private void AssertQueueRefused(string why)
    {
        Assert.Equal(0ul, _guest.Read(GuestDriver.QueueEnable, 2));
        Assert.True(_guest.IsBroken);
        _guest.SetStatus(_guest.StatusNow | GuestDriver.DriverOk);
        Assert.Empty(_device.Calls);
        string line = Assert.Single(_machine.Log.Lines);
        Assert.StartsWith("queue 0 cannot be enabled: ", line, StringComparison.Ordinal);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.True(_guest.Reset());
        _guest.Start(0);
        Assert.Equal(15, _guest.StatusNow);
    }

    /// <summary>Whether no byte of the range is a register.</summary>
    private static bool IsNothing(ulong offset, int width)
    {
        foreach ((ulong start, ulong length) in ((ulong, ulong)[])[(0, 0x38), (0x2000, 1), (0x4000, 24), (0x8000, 48), (0x48000, 8)])
        {
            if (offset < start + length && start < offset + (ulong)width) return false;
        }

        return true;
    }
}
