using Plugvisor.Control.Events;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Events;

public sealed class DeviceEventsTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly EventHub _hub;
    private readonly DeviceEvents _devices;
    private readonly EventSubscription _events;

    public DeviceEventsTests()
    {
        _hub = new EventHub(_clock);
        _devices = new DeviceEvents(_hub, _clock);
        _events = _hub.Subscribe(100_000);
    }

    public void Dispose()
    {
        _devices.Dispose();
        _events.Dispose();
    }

    [Fact]
    public void A_driver_that_behaves_is_told_of_step_by_step()
    {
        _devices.OnActivated("_disk0");
        _devices.OnReset("_disk0");
        _devices.OnActivated("_net1");
        Assert.Equal(["virtio-device activated id=_disk0", "virtio-device reset id=_disk0", "virtio-device activated id=_net1"], Read());
    }

    [Fact]
    public void A_driver_that_toggles_without_end_makes_a_bounded_number_of_events_and_the_last_state_is_told()
    {
        const int Toggles = 100_000;
        for (int i = 0; i < Toggles; i++)
        {
            _devices.OnActivated("_disk0");
            _devices.OnReset("_disk0");
            if (i % 1000 == 0) _clock.Advance(TimeSpan.FromMilliseconds(10));   // one second in all
        }

        _devices.OnActivated("_disk0");
        _clock.Advance(DeviceTransitions.Interval);
        List<string> told = Read();
        Assert.InRange(told.Count, DeviceTransitions.Burst, DeviceTransitions.Burst + 12);
        Assert.StartsWith("virtio-device activated id=_disk0 merged=", told[^1], StringComparison.Ordinal);
        Assert.Equal(2 * Toggles + 1, told.Sum(line => line.IndexOf("merged=", StringComparison.Ordinal) is var at and >= 0 ? int.Parse(line[(at + 7)..], null) : 1));
    }

    [Fact]
    public void One_devices_flood_takes_nothing_from_another()
    {
        for (int i = 0; i < 1000; i++) _devices.OnReset("_disk0");
        _ = Read();
        _devices.OnActivated("_net1");
        Assert.Equal(["virtio-device activated id=_net1"], Read());
    }

    [Fact]
    public void After_a_quiet_time_events_are_told_one_by_one_again()
    {
        for (int i = 0; i < 1000; i++) _devices.OnReset("_disk0");
        _clock.Advance(TimeSpan.FromSeconds(10));
        _ = Read();
        _clock.Advance(TimeSpan.FromSeconds(10));
        for (int i = 0; i < DeviceTransitions.Burst; i++) _devices.OnActivated("_disk0");
        Assert.Equal(DeviceTransitions.Burst, Read().Count(line => line == "virtio-device activated id=_disk0"));
    }

    private List<string> Read()
    {
        var lines = new List<string>();
        while (_events.TryRead(out VmmEvent? next, out _))
            lines.Add($"{next.Source} {next.Name} {string.Join(' ', next.Properties!.Select(property => $"{property.Key}={property.Value}"))}");
        return lines;
    }
}
