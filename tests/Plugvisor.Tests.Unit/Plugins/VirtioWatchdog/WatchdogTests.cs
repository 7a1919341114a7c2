using Plugvisor.Abstractions.Devices;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioWatchdog;

/// <summary>When the watchdog resets the machine, on a clock that the tests move.</summary>
public sealed class WatchdogTests : IDisposable
{
    private readonly GuestMemoryMock _ram = new(new MockRegion(0ul, 1u << 20), new MockRegion(0x1_0000_0000, 5ul << 30));
    private readonly ReadClock _clock = new();
    private readonly MockMachineControl _machine = new();
    private readonly MockDeviceHost _host;
    private readonly ulong _buffer;
    private DriverHarness _watchdog;

    public WatchdogTests()
    {
        _host = new MockDeviceHost(_ram, _clock);
        _host.Offer<IMachineControl>(_machine);
        _buffer = _ram.Allocate(16);
        _watchdog = new DriverHarness(WatchdogConformanceTests.CreateWatchdog(_host), _host);
    }

    public void Dispose()
    {
        _watchdog.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void It_says_what_it_is_and_writes_one_to_a_ping()
    {
        Assert.Equal(35, _watchdog.Device.Traits.DeviceType);
        Assert.Equal([(ushort)8], _watchdog.Device.Traits.QueueSizes);
        Assert.Equal(0ul, _watchdog.Device.Traits.Features);
        _watchdog.Start();
        Ping();
        Ping();
        Assert.Equal([1, 0], _ram.Bytes(_buffer, 2).ToArray());
        Assert.Equal(2ul, _host.MockCounters["pings"]);
    }

    [Fact]
    public void Before_the_first_ping_nothing_happens()
    {
        _watchdog.Start();
        _clock.Advance(1000);
        NoPing();
        _watchdog.Stop();   // waits until the worker has looked
        Assert.Empty(_machine.Resets);
    }

    [Fact]
    public void A_guest_that_stops_feeding_is_reset_once_by_the_tick_after_20_seconds()
    {
        _watchdog.Start();
        Ping();
        _clock.Advance(15);
        Look();
        _clock.Advance(14.9);
        Look();
        Assert.Empty(_machine.Resets);
        _clock.Advance(0.1);
        Look();
        Assert.Equal("watchdog: no ping for 30 s", Assert.Single(_machine.Resets));
        for (int i = 0; i < 5; i++)
        {
            _clock.Advance(15);
            NoPing();
        }

        _watchdog.Stop();
        Assert.Single(_machine.Resets);
    }

    [Theory]
    [InlineData(9, 30)]     // 21 s after the last ping
    [InlineData(10, 45)]    // 20 s are allowed
    [InlineData(14, 45)]
    public void Ticks_count_from_the_first_ping_and_silence_from_the_last(int lastPing, int reset)
    {
        _watchdog.Start();
        Ping();
        for (int second = 1; second <= reset; second++)
        {
            _clock.Advance(1);
            if (second == lastPing) Ping();
            Look();
            Assert.Equal(second < reset, _machine.Resets.IsEmpty);
        }

        Assert.Equal($"watchdog: no ping for {reset - lastPing} s", Assert.Single(_machine.Resets));
    }

    [Fact]
    public void A_guest_that_feeds_it_lives()
    {
        _watchdog.Start();
        for (int i = 0; i < 200; i++)
        {
            Ping();
            _clock.Advance(i % 3 == 0 ? 19.9 : 5);
            Look();
        }

        Assert.Empty(_machine.Resets);
        Assert.Equal(200ul, _host.MockCounters["pings"]);
    }

    [Fact]
    public void The_thread_wakes_by_itself_for_its_tick()
    {
        _watchdog.Start();
        Ping();
        _clock.Advance(15);
        Look();
        _clock.Advance(14.95);
        Look();                  // sleeps 50 ms now
        _clock.Advance(0.1);     // no doorbell
        _watchdog.WaitFor(() => !_machine.Resets.IsEmpty, "the reset");
    }

    [Fact]
    public void Time_in_which_the_vm_is_paused_does_not_count()
    {
        _watchdog.Start();
        Ping();
        _clock.Advance(14);
        _watchdog.Stop();
        _clock.Advance(3600);
        _watchdog.Resume();
        Look();
        _clock.Advance(15);
        Look();
        Assert.Empty(_machine.Resets);
        _clock.Advance(15);
        Look();
        Assert.Single(_machine.Resets);
    }

    [Fact]
    public void Hostile_42_time_in_which_the_process_was_stopped_does_not_count()
    {
        _watchdog.Start();
        Ping();
        _clock.Advance(3600);
        Look();
        Assert.Empty(_machine.Resets);
        Assert.Contains("3585 s late", Assert.Single(_host.MockLog.Lines, line => line.StartsWith("warn", StringComparison.Ordinal)), StringComparison.Ordinal);
        _clock.Advance(15);
        Look();
        Assert.Empty(_machine.Resets);
        _clock.Advance(15);
        Look();
        Assert.Single(_machine.Resets);
    }

    [Fact]
    public void A_reset_by_the_driver_stops_the_timer_until_the_next_ping()
    {
        _watchdog.Start();
        Ping();
        _clock.Advance(15);
        Look();
        _watchdog.Reset();
        _watchdog.Start();
        _clock.Advance(100);
        NoPing();
        _watchdog.Stop();
        Assert.Empty(_machine.Resets);
        _watchdog.Resume();
        Ping();
        for (int i = 0; i < 2; i++)
        {
            _clock.Advance(15);
            Look();
        }

        Assert.Single(_machine.Resets);
    }

    [Theory]
    [InlineData(new byte[] { 1, 1 }, true)]
    [InlineData(new byte[] { 1, 1, 99 }, true)]
    [InlineData(new byte[] { 1, 0 }, false)]
    [InlineData(new byte[] { }, false)]
    public void An_instance_that_takes_over_goes_on_with_the_full_time(byte[] saved, bool armed)
    {
        _watchdog.Dispose();
        _watchdog = new DriverHarness(WatchdogConformanceTests.CreateWatchdog(_host, saved), _host);
        _clock.Advance(100);
        _watchdog.Start();
        for (int i = 0; i < 2; i++)
        {
            NoPing();
            if (armed) Look();
            Assert.Empty(_machine.Resets);
            _clock.Advance(15);
        }

        NoPing();
        if (armed) _watchdog.WaitFor(() => !_machine.Resets.IsEmpty, "the reset");
        _watchdog.Stop();
        Assert.Equal(armed ? 1 : 0, _machine.Resets.Count);
    }

    [Fact]
    public void Only_a_byte_that_can_be_written_makes_a_ping()
    {
        _watchdog.Start();
        MockQueue queue = _watchdog.Queues[0];
        Assert.Equal(0u, queue.Call(DriverBuffer.Readable(_buffer, 16)));
        Assert.Equal(0u, queue.Call(DriverBuffer.Writable(_buffer, 0)));
        Assert.Equal(0ul, _host.MockCounters["pings"]);
        Assert.Equal(1u, queue.Call(DriverBuffer.Readable(_buffer, 1), DriverBuffer.Writable(_buffer + 4, 0), DriverBuffer.Writable(_buffer + 8, 2)));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 0], _ram.Bytes(_buffer, 10).ToArray());
        Assert.Equal(1u, queue.Call(DriverBuffer.Writable(0x1_0000_0000, uint.MaxValue)));
        Assert.Equal(2ul, _host.MockCounters["pings"]);
        Assert.Empty(_host.Failures);
    }

    [Fact]
    public void Without_a_machine_to_reset_it_cannot_be_made()
    {
        string message = Assert.Throws<DeviceException>(() => WatchdogConformanceTests.CreateWatchdog(new MockDeviceHost(_ram))).Message;
        Assert.Contains("__watchdog", message, StringComparison.Ordinal);
    }

    private void Ping() => Assert.Equal(1u, _watchdog.Queues[0].Call(DriverBuffer.Writable(_buffer, 1)));

    /// <summary>Makes the worker look, whether or not its timer runs.</summary>
    private void NoPing() => Assert.Equal(0u, _watchdog.Queues[0].Call(DriverBuffer.Readable(_buffer, 1)));

    /// <summary>Makes the worker look at the clock, and waits until it has acted on what it saw: it looks again only after that.</summary>
    private void Look()
    {
        for (int i = 0; i < 2; i++)
        {
            int reads = _clock.Reads;
            _watchdog.Queues[0].Doorbell.Signal();
            _watchdog.WaitFor(() => _clock.Reads > reads || !_machine.Resets.IsEmpty, "the worker's look at the clock");
        }
    }
}
