using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Devices;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>Other code takes over a device in use, or does not.</summary>
public sealed class DeviceExchangeTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly VirtioPciMachine _machine = new();
    private readonly DeviceLog _log = new("_test0", NullLogger.Instance, TimeProvider.System);
    private readonly SavedDevice _device = new();
    private readonly GuestDriver _guest;

    public DeviceExchangeTests()
    {
        _guest = _machine.Add(_device);
        _guest.PrepareRequest();
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_successor_gets_state_negotiation_and_queues_and_the_guest_sees_the_same_device()
    {
        _guest.Start(0, 1);
        _guest.Write(GuestDriver.Config + 4, 4, 0xdecade);
        ServeOne();

        SavedDevice successor = null!;
        PluggedDevice plugged = Exchange(_guest, _device, request => successor = new SavedDevice(request));
        Assert.Same(successor, _guest.Device.Device);
        Assert.Equal(["Activate", "StartQueue 0 at 1", "StartQueue 1 at 0"], successor.Inner.Calls);
        Assert.Equal(GuestDriver.Version1, successor.Inner.Features);
        Assert.Equal(["StopQueue 0", "StopQueue 1", "Dispose"], _device.Inner.Calls[^3..]);
        Assert.True(_device.IsHandedOver);
        Assert.True(successor.HasTakenOver);
        Assert.Equal(1, successor.InheritedCount);
        Assert.True(successor.Inherited!.IsClosed);   // the host's; the device duplicates what it needs
        Assert.Equal(0xdecadeu, _guest.Read(GuestDriver.Config + 4, 4));
        Assert.Equal(15, _guest.StatusNow);
        Assert.NotNull(plugged.Plugin);

        // Its life goes on as any other's.
        _guest.Device.Pause();
        _guest.Device.Resume();
        Assert.Equal(["StopQueue 0", "StopQueue 1", "StartQueue 0 at 1", "StartQueue 1 at 0"], successor.Inner.Calls[^4..]);
        Assert.True(_guest.Reset());
        Assert.Equal("Reset", successor.Inner.Calls[^1]);
    }

    [Fact]
    public void A_doorbell_rung_while_queues_stood_still_is_not_lost()
    {
        _guest.Start(0);
        _device.Inner.Queues[0].Doorbell.Drain();
        _device.OnSave = () =>
        {
            _guest.Kick(0);
            return [1];
        };
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        Assert.NotEqual(0ul, successor.Inner.Queues[0].Doorbell.Drain());
    }

    [Fact]
    public void A_device_that_no_driver_has_is_exchanged_too_and_a_driver_that_comes_gets_the_successor()
    {
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        Assert.Empty(successor.Inner.Calls);
        _guest.Start(0);
        Assert.Equal(["Activate", "StartQueue 0 at 0"], successor.Inner.Calls);
        Assert.Equal(["Dispose"], _device.Inner.Calls);
    }

    [Fact]
    public void The_devices_of_a_paused_machine_stand_still_until_it_goes_on()
    {
        _guest.Start(0);
        _guest.Device.Pause();
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        Assert.Equal(["Activate"], successor.Inner.Calls);
        _guest.Device.Resume();
        Assert.Equal(["Activate", "StartQueue 0 at 0"], successor.Inner.Calls);
    }

    [Fact]
    public async Task A_write_to_config_waits_for_the_successor_and_a_read_is_answered_meanwhile()
    {
        _guest.Start(0);
        _guest.Write(GuestDriver.Config, 1, 7);
        Task? write = null;
        ulong read = 0;
        _device.OnSave = () =>
        {
            byte[] state = _device.Inner.Config.ToArray();
            var begun = new ManualResetEventSlim();
            write = Task.Run(() =>
            {
                begun.Set();
                _guest.Write(GuestDriver.Config, 1, 8);
            });
            begun.Wait(s_patience);
            read = _guest.Read(GuestDriver.Config, 1);
            return state;
        };
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        await write!.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal(7u, read);
        Assert.Equal(8, successor.Inner.Config[0]);
        Assert.Equal(7, _device.Inner.Config[0]);
    }

    [Fact]
    public async Task A_reset_that_comes_meanwhile_is_done_by_the_successor()
    {
        _guest.Start(0);
        Task? reset = null;
        _device.OnSave = () =>
        {
            reset = Task.Run(() => Assert.True(_guest.Reset(60)));
            DriverSees(() => _guest.Read(GuestDriver.QueueVector, 2) != 0 && _guest.Read(GuestDriver.QueueDesc, 4) == 0);
            return [1];
        };
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        await reset!.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal("Reset", successor.Inner.Calls[^1]);
        Assert.DoesNotContain("Reset", _device.Inner.Calls);
        Assert.Equal(0, _guest.StatusNow);
    }

    [Fact]
    public void What_was_counted_goes_on()
    {
        var host = Host();
        host.Counters.Add("ops").Add(5);
        DeviceHost second = Host();
        second.Counters.Add("ops").Add(2);
        second.DeviceCounters.Continue(host.DeviceCounters);
        DeviceHost third = Host();
        third.DeviceCounters.Continue(second.DeviceCounters);
        third.Counters.Add("ops").Add(1);
        third.Counters.Add("ops").Add(1);
        Assert.Equal(9ul, third.DeviceCounters.Read()["ops"]);
    }

    [Fact]
    public void What_the_former_instance_says_afterwards_concerns_nobody()
    {
        _guest.Start(0);
        IVirtioTransport old = _device.Inner.Transport!;
        SavedDevice successor = null!;
        Exchange(_guest, _device, request => successor = new SavedDevice(request));
        old.NeedsReset("I am gone");
        Assert.False(_guest.IsBroken);
        successor.Inner.Transport!.NeedsReset("I am here");
        Assert.True(_guest.IsBroken);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "refuses", "I know version 2 only" },
        { "throws", "Create threw InvalidOperationException: test fault" },
        { "null", "Create made no device" },
        { "Activate", "Activate or Attach threw InvalidOperationException: test fault in Activate" },
        { "StartQueue", "StartQueue(0) threw InvalidOperationException: test fault in StartQueue" },
        { "features", "it lacks feature bits that the driver uses: 5" },
        { "queues", "its queues are 128 entries long instead of 128, 64" },
        { "type", "it made a device of type 1 in place of 2" },
        { "config", "its config space has 8 bytes instead of 24" },
        { "fails", "broken at once" },
        { "no state", "Save gave no state" },
        { "save", "Save threw InvalidOperationException: test fault" },
        { "hangs", "Create did not return within 0.2 s" },
        { "no virtio", "which is no virtio device" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void When_the_new_code_does_not_take_it_the_old_goes_on(string how, string reason)
    {
        _guest.Negotiate(GuestDriver.Version1 | 1 << 5);
        _guest.SetUpQueue(0);
        _guest.SetStatus(15);
        ServeOne();
        _machine.Memory.TryWrite(0x20002, [2, 0]);   // and one more that waits
        _device.Inner.Queues[0].Doorbell.Drain();
        if (how == "no state") _device.OnSave = () => [];
        if (how == "save") _device.OnSave = () => throw new InvalidOperationException("test fault");
        using var hang = new ManualResetEventSlim();
        SavedDevice? successor = null;
        IDevice? Make(DeviceRequest request, IDeviceHost host)
        {
            switch (how)
            {
                case "refuses": throw new DeviceException("I know version 2 only");
                case "throws": throw new InvalidOperationException("test fault");
                case "null": return null;
                case "no virtio": return new NoDevice();
                case "fails": host.Fail("broken at once"); break;
                case "hangs": hang.Wait(s_patience); break;
            }

            FakeVirtioDevice inner = how switch
            {
                "queues" => new FakeVirtioDevice(128),
                "features" => new FakeVirtioDevice { Traits = Traits(features: 0) },
                "type" => new FakeVirtioDevice { Traits = Traits(type: 1) },
                "config" => new FakeVirtioDevice { Traits = Traits(configLength: 8) },
                _ => new FakeVirtioDevice { Throws = how },
            };
            return successor = new SavedDevice(request, inner);
        }

        DeviceException e = Assert.Throws<DeviceException>(
            () => Exchange(_guest, _device, Make, how == "hangs" ? TimeSpan.FromMilliseconds(200) : s_patience));
        Assert.StartsWith("device _test0 goes on with its old code", e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.InnerException!.Message, StringComparison.Ordinal);
        hang.Set();

        Assert.Same(_device, _guest.Device.Device);
        Assert.False(_device.IsHandedOver);
        Assert.False(successor?.HasTakenOver ?? false);
        Assert.Equal(["StopQueue 0", "StartQueue 0 at 1"], _device.Inner.Calls[^2..]);
        Assert.NotEqual(0ul, _device.Inner.Queues[0].Doorbell.Drain());   // what is available is looked at
        Assert.Equal(15, _guest.StatusNow);
        if (how is not ("refuses" or "throws" or "null" or "no state" or "save" or "no virtio"))
            DriverSees(() => successor is { } made && made.Inner.Calls.Contains("Dispose"));
        Assert.True(_guest.Reset());
    }

    [Fact]
    public void New_code_that_hangs_in_StartQueue_costs_its_device_and_no_other()
    {
        var other = new SavedDevice();
        GuestDriver second = _machine.Add(other, "_test1");
        _guest.Start(0);
        second.Start(0);
        using var hang = new ManualResetEventSlim();
        int made = 0;
        var plugin = new Plugin((request, _) => new SavedDevice(request, new FakeVirtioDevice { Hang = made++ == 1 ? hang : null }));
        List<DeviceExchange> exchanges = [Prepare(_guest, _device, plugin), Prepare(second, other, plugin)];
        DeviceException e = Assert.Throws<DeviceException>(() => ExchangeRun.Run(exchanges, TimeSpan.FromMilliseconds(200)));
        Assert.Contains("StartQueue did not return within 0.2 s", e.InnerException!.Message, StringComparison.Ordinal);
        Assert.True(second.IsBroken);
        Assert.False(_guest.IsBroken);
        Assert.Same(_device, _guest.Device.Device);
        Assert.Equal(["StopQueue 0", "StartQueue 0 at 0"], _device.Inner.Calls[^2..]);
        Assert.True(_guest.Reset());
        hang.Set();
    }

    [Fact]
    public void A_device_that_does_not_stop_goes_on()
    {
        using var stall = new ManualResetEventSlim();
        _device.Inner.Stall = stall;
        _guest.Start(0);
        DeviceException e = Assert.Throws<DeviceException>(() => Exchange(_guest, _device, request => new SavedDevice(request), TimeSpan.FromMilliseconds(100)));
        Assert.Contains("did not stop its queues", e.InnerException!.Message, StringComparison.Ordinal);
        stall.Set();
        DriverSees(() => _device.Inner.Calls[^1].StartsWith("StartQueue 0", StringComparison.Ordinal));
        Assert.Equal(15, _guest.StatusNow);
    }

    [Fact]
    public void A_device_that_keeps_no_state_is_refused_by_name()
    {
        var device = new FakeVirtioDevice();
        GuestDriver guest = _machine.Add(device, "_mute0");
        guest.Start(0);
        DeviceException e = Assert.Throws<DeviceException>(() => Exchange(guest, device, request => new SavedDevice(request)));
        Assert.Contains("device _mute0 cannot go on with other code", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("StopQueue 0", device.Calls);
    }

    [Fact]
    public void Of_several_devices_all_change_or_none()
    {
        var other = new SavedDevice();
        GuestDriver second = _machine.Add(other, "_test1");
        _guest.Start(0);
        second.Start(0);
        var made = new List<SavedDevice>();
        var plugin = new Plugin((request, _) =>
        {
            // The second one fails as late as it can: the first serves its queue then.
            made.Add(new SavedDevice(request, new FakeVirtioDevice { Throws = made.Count == 1 ? "StartQueue" : null }));
            return made[^1];
        });
        List<DeviceExchange> exchanges = [Prepare(_guest, _device, plugin), Prepare(second, other, plugin)];
        DeviceException e = Assert.Throws<DeviceException>(() => ExchangeRun.Run(exchanges, s_patience));
        foreach (DeviceExchange exchange in exchanges) exchange.Clean(s_patience, _log);
        Assert.Contains("_test1", e.Message, StringComparison.Ordinal);
        Assert.Equal(["Activate", "StartQueue 0 at 0", "StopQueue 0", "Dispose"], made[0].Inner.Calls);
        Assert.Equal(["StopQueue 0", "StartQueue 0 at 0"], _device.Inner.Calls[^2..]);
        Assert.Equal(["StopQueue 0", "StartQueue 0 at 0"], other.Inner.Calls[^2..]);
        Assert.Same(_device, _guest.Device.Device);
        Assert.Same(other, second.Device.Device);
        Assert.False(_guest.IsBroken || second.IsBroken);
    }

    private static VirtioTraits Traits(ushort type = 2, ulong features = 1 << 5, int configLength = FakeVirtioDevice.ConfigLength) => new()
    {
        DeviceType = type,
        Features = features,
        QueueSizes = [128, 64],
        ConfigLength = configLength,
        PciClass = 0x0180,
    };

    private static void DriverSees(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, s_patience));

    private void ServeOne()
    {
        Virtqueue queue = _device.Inner.Queues[0].Queue;
        Assert.Equal(PopStatus.Popped, queue.TryPop(new IoSegment[200], out DescriptorChain chain));
        queue.AddUsed(chain.Head, 0);
        queue.Publish();
    }

    private DeviceHost Host() => new("_test0", _machine.Memory, _log, TimeProvider.System, new DeviceServices());

    private PluggedDevice Exchange(GuestDriver guest, IDevice device, Func<DeviceRequest, IDevice> make) =>
        Exchange(guest, device, (request, _) => make(request), s_patience);

    private PluggedDevice Exchange(GuestDriver guest, IDevice device, Func<DeviceRequest, IDevice> make, TimeSpan deadline) =>
        Exchange(guest, device, (request, _) => make(request), deadline);

    private PluggedDevice Exchange(GuestDriver guest, IDevice device, Func<DeviceRequest, IDeviceHost, IDevice?> make, TimeSpan deadline)
    {
        DeviceExchange exchange = Prepare(guest, device, new Plugin(make));
        try
        {
            ExchangeRun.Run([exchange], deadline);
        }
        finally
        {
            exchange.Clean(s_patience, _log);
        }

        return exchange.Device;
    }

    private DeviceExchange Prepare(GuestDriver guest, IDevice device, IDevicePlugin plugin)
    {
        Assert.Same(device, guest.Device.Device);
        var request = new DeviceRequest { Id = guest.Device.Id, Config = JsonElement.Parse("{}"u8) };
        guest.Device.Host = Host();
        var plugged = new PluggedDevice(request.Id, 0, guest.Slot, guest.Device.Host.DeviceCounters, guest.Device) { Plugin = plugin, Request = request };
        return new DeviceExchange(plugged, plugin, request, Host());
    }

    private sealed class Plugin(Func<DeviceRequest, IDeviceHost, IDevice?> make) : IDevicePlugin
    {
        public IDevice Create(DeviceRequest request, IDeviceHost host) => make(request, host)!;
    }

    private sealed class NoDevice : IDevice
    {
        public void Dispose() { }
    }
}
