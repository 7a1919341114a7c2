using Plugvisor.Abstractions.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

public sealed class VirtioLifecycleTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new(TimeSpan.FromMilliseconds(150));
    private readonly FakeVirtioDevice _device = new();
    private readonly GuestDriver _guest;

    public VirtioLifecycleTests()
    {
        _guest = _machine.Add(_device);
        _guest.PrepareRequest();
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Pause_stops_and_resume_starts_the_queues_where_they_stood()
    {
        _guest.Start(0, 1);
        _guest.Device.Pause();
        Assert.Equal(["StopQueue 0", "StopQueue 1"], _device.Calls[^2..]);
        Assert.Equal(15, _guest.StatusNow);
        _guest.Device.Pause();
        _guest.Device.Resume();
        Assert.Equal(["StartQueue 0 at 0", "StartQueue 1 at 0"], _device.Calls[^2..]);
        Assert.Equal(7, _device.Calls.Count);
        Assert.NotEqual(0ul, _device.Queues[0].Doorbell.Drain());   // a kick that came during the pause is not lost
    }

    [Fact]
    public void A_listener_hears_of_activation_and_reset_by_the_driver_and_of_nothing_that_the_host_does()
    {
        var listener = new RecordingListener();
        _machine.Environment.Listener = listener;
        GuestDriver guest = _machine.Add(new FakeVirtioDevice(), "_heard");
        guest.PrepareRequest();
        Assert.True(guest.Reset());      // nothing to reset yet
        guest.Start(0);
        guest.Device.Pause();
        guest.Device.Resume();
        Assert.True(guest.Reset());
        guest.Start(0, 1);
        guest.Device.Dispose();
        Assert.Equal(["activated _heard", "reset _heard", "activated _heard"], listener.Heard);
    }

    [Fact]
    public void A_device_that_fails_to_activate_is_not_told_as_activated()
    {
        var listener = new RecordingListener();
        _machine.Environment.Listener = listener;
        var device = new FakeVirtioDevice { Throws = "Activate" };
        GuestDriver guest = _machine.Add(device, "_heard");
        guest.Start(0);
        Assert.Empty(listener.Heard);
    }

    [Fact]
    public void A_driver_that_starts_a_paused_device_waits_for_the_resume()
    {
        _guest.Device.Pause();
        _guest.Start(0);
        Assert.Empty(_device.Calls);
        _guest.Device.Resume();
        Assert.Equal(["Activate", "StartQueue 0 at 0"], _device.Calls);
    }

    [Fact]
    public void A_driver_can_reset_a_paused_device()
    {
        _guest.Start(0);
        _guest.Device.Pause();
        Assert.True(_guest.Reset());
        _guest.Device.Resume();
        Assert.Equal(["Activate", "StartQueue 0 at 0", "StopQueue 0", "Reset"], _device.Calls);
    }

    [Fact]
    public void A_slow_reset_leaves_the_vcpu_alone_and_reads_as_not_done_until_it_is()
    {
        using var stall = new ManualResetEventSlim();
        _device.Stall = stall;
        _guest.Start(0);
        _guest.SetStatus(0);
        Assert.NotEqual(0, _guest.StatusNow);
        _guest.SetStatus(1);                                 // a driver that does not wait
        _guest.Write(GuestDriver.QueueSelect, 2, 1);
        Assert.Equal(0ul, _guest.Read(GuestDriver.QueueSelect, 2));
        stall.Set();
        Assert.True(_guest.AwaitStatus(0));
        _guest.Start(0);
        Assert.Equal(15, _guest.StatusNow);
    }

    [Fact]
    public void A_reset_that_takes_too_long_is_reported_once_and_still_counts_when_it_is_done()
    {
        using var stall = new ManualResetEventSlim();
        _device.Stall = stall;
        _guest.Start(0);
        _guest.SetStatus(0);
        Assert.True(_guest.AwaitStatus(15 | GuestDriver.NeedsReset));
        Assert.Contains("did not stop within", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        stall.Set();
        Assert.True(_guest.AwaitStatus(0));
        Assert.Single(_machine.Log.Lines);
    }

    [Fact]
    public void A_pause_that_takes_too_long_is_an_error_and_the_device_goes_on()
    {
        using var stall = new ManualResetEventSlim();
        _device.Stall = stall;
        _guest.Start(0);
        string message = Assert.Throws<DeviceException>(_guest.Device.Pause).Message;
        Assert.Equal("device _test0 cannot be paused: it did not stop its queues within 0.15 s (StopQueue has not returned)", message);
        stall.Set();
        SpinWait.SpinUntil(() => _device.Starts == 2, TimeSpan.FromSeconds(10));
        Assert.Equal(2, _device.Starts);
        Assert.Equal(15, _guest.StatusNow);
    }

    [Fact]
    public void A_driver_that_starts_too_often_is_started_late_and_can_do_all_else_meanwhile()
    {
        while (_machine.Log.Lines.Count == 0)   // until it is told so, which is when a start is late
        {
            _guest.Start(0);
            Assert.True(_guest.Reset());
        }

        Assert.Contains("more than 200 times a second", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        int started = _device.Starts;
        for (int round = 0; round < 20; round++)
        {
            // A reset, a pause and a resume of a device whose start may be late; in the end it runs.
            _guest.Start(0);
            Assert.True(_guest.Reset());
            _guest.Start(0);
            Assert.Equal(15, _guest.StatusNow);
            _guest.Device.Pause();
            Assert.False(_device.Queues.ContainsKey(0));
            _guest.Device.Resume();
            Assert.True(SpinWait.SpinUntil(() => _device.Queues.ContainsKey(0), TimeSpan.FromSeconds(10)));
            Assert.True(_guest.Reset());
        }

        Assert.InRange(_device.Starts - started, 20, 60);
        _guest.Start(0);
        Assert.True(_guest.Device.Remove());
        Assert.Single(_machine.Log.Lines);
    }

    [Fact]
    public void A_queue_that_was_asked_to_stop_is_stopped_and_started_again_when_the_pause_is_given_up()
    {
        var device = new HoldingDevice(_machine.Memory) { DrainWaitsFor = new ManualResetEventSlim() };
        GuestDriver guest = _machine.Add(device, "held");
        guest.Start(0);
        Assert.True(SpinWait.SpinUntil(() => device.Holds, TimeSpan.FromSeconds(10)));
        guest.SetStatus(0);                                    // asks, and leaves the wait to the device's thread
        Assert.NotEqual(0, guest.StatusNow);
        Assert.Throws<DeviceException>(guest.Device.Pause);    // the reset is not done yet, so this is not either
        device.DrainWaitsFor.Set();
        Assert.True(guest.AwaitStatus(0));
        Assert.Equal(1, device.Drained);
        _machine.Memory.TryWrite(0x30000, new byte[4]);
        guest.Start(0);
        Assert.True(SpinWait.SpinUntil(() => device.Holds, TimeSpan.FromSeconds(10)));
        guest.Device.Pause();
        guest.Device.Resume();
        Assert.Equal(2, device.Drained);
    }

    [Fact]
    public void A_removed_device_that_does_not_stop_keeps_its_descriptors()
    {
        using var stall = new ManualResetEventSlim();
        _device.Stall = stall;
        _guest.Start(0);
        Assert.False(_guest.Device.Remove());
        Assert.DoesNotContain("Dispose", _device.Calls);
        Assert.False(_device.Queues[0].Doorbell.IsClosed);
        Assert.Empty(_machine.Vm.Doorbells);
        Assert.Contains("did not stop", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        stall.Set();
    }

    [Theory]
    [InlineData("Activate", "Activate threw InvalidOperationException")]
    [InlineData("StartQueue", "StartQueue(0) threw InvalidOperationException")]
    [InlineData("ReadConfig", "ReadConfig threw InvalidOperationException")]
    [InlineData("WriteConfig", "WriteConfig threw InvalidOperationException")]
    public void A_callback_that_throws_latches_its_own_device_only(string callback, string line)
    {
        var other = new FakeVirtioDevice();
        GuestDriver beside = _machine.Add(other, "other");
        beside.Start(0);
        _device.Throws = callback;
        _guest.Start(0);
        if (callback == "ReadConfig") Assert.Equal(0xfffful, _guest.Read(GuestDriver.Config, 2));
        if (callback == "WriteConfig") _guest.Write(GuestDriver.Config, 2, 0);
        Assert.Equal(15 | GuestDriver.NeedsReset, _guest.StatusNow);
        Assert.StartsWith(line, Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
        Assert.Equal(15, beside.StatusNow);

        // The next driver gets a fresh try.
        _device.Throws = null;
        Assert.True(_guest.Reset());
        _guest.Start(0);
        Assert.Equal(15, _guest.StatusNow);
        Assert.True(_device.Queues.ContainsKey(0));
    }

    [Fact]
    public void A_stop_that_throws_never_counts_as_a_reset()
    {
        _guest.Start(0);
        _device.Throws = "StopQueue";
        _guest.SetStatus(0);
        Assert.True(_guest.AwaitStatus(15 | GuestDriver.NeedsReset));
        _guest.SetStatus(0);
        Assert.Equal(15 | GuestDriver.NeedsReset, _guest.StatusNow);
        Assert.StartsWith("StopQueue(0) threw", _machine.Log.Lines[0], StringComparison.Ordinal);
        Assert.False(_guest.Device.Remove());
    }

    [Fact]
    public void A_reset_callback_that_throws_still_is_a_reset()
    {
        _guest.Start(0);
        _device.Throws = "Reset";
        Assert.True(_guest.Reset());
        Assert.StartsWith("Reset threw", Assert.Single(_machine.Log.Lines), StringComparison.Ordinal);
    }

    private sealed class RecordingListener : Plugvisor.Machine.Devices.IDeviceListener
    {
        public List<string> Heard { get; } = [];

        public void OnActivated(string id) => Heard.Add("activated " + id);

        public void OnReset(string id) => Heard.Add("reset " + id);
    }
}
