using Plugvisor.Machine;
using Plugvisor.Machine.Devices;
using Plugvisor.Machine.Vcpus;
using Plugvisor.Tests.Unit.Control.Events;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Devices;

/// <summary>What devices may ask of the machine, and the bounds of it.</summary>
public sealed class MachineControlTests
{
    private static readonly Dictionary<string, string> Panic = new() { ["event"] = "panic" };

    private readonly ManualClock _clock = new();
    private readonly RecordingLog _log = new();
    private readonly Listener _listener = new();
    private readonly MachineControl _control;

    public MachineControlTests() => _control = new MachineControl(_listener, _clock, _log);

    [Fact]
    public void A_reset_goes_to_the_listener()
    {
        _control.RequestReset("watchdog");
        Assert.Equal(["reset watchdog"], _listener.Told);
    }

    [Fact]
    public void An_event_goes_to_the_listener_and_to_the_log()
    {
        _control.ReportGuestEvent("panic", Panic);
        Assert.Equal(["panic event=panic"], _listener.Told);
        Assert.Equal(["reports panic (event=panic)"], _log.Lines);
    }

    [Fact]
    public void A_million_of_the_same_are_told_once_a_second_and_cost_no_memory()
    {
        _control.ReportGuestEvent("panic", Panic);
        _control.ReportGuestEvent("panic", Panic);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000_000; i++) _control.ReportGuestEvent("panic", Panic);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
        Assert.Single(_listener.Told);
        Assert.Single(_log.Lines);

        _clock.Advance(TimeSpan.FromSeconds(0.9));
        _control.ReportGuestEvent("panic", Panic);
        Assert.Single(_listener.Told);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        _control.ReportGuestEvent("panic", Panic);
        Assert.Equal(2, _listener.Told.Count);
    }

    [Fact]
    public void Different_events_do_not_hold_each_other_up()
    {
        _control.ReportGuestEvent("panic", Panic);
        _control.ReportGuestEvent("panic", new Dictionary<string, string> { ["event"] = "crash_loaded" });
        _control.ReportGuestEvent("panic", new Dictionary<string, string> { ["event"] = "panic" });   // the same by value
        _control.ReportGuestEvent("other", Panic);
        Assert.Equal(["panic event=panic", "panic event=crash_loaded", "other event=panic"], _listener.Told);
    }

    [Fact]
    public void A_device_that_makes_events_up_is_bounded()
    {
        for (int i = 0; i < 10_000; i++) _control.ReportGuestEvent($"made-up-{i}", Panic);
        Assert.Equal(32, _listener.Told.Count);
    }

    [Fact]
    public void A_device_that_outlives_its_machine_is_not_heard()
    {
        _control.Close();
        _control.RequestReset("watchdog");
        _control.ReportGuestEvent("panic", Panic);
        Assert.Empty(_listener.Told);
    }

    [Fact]
    public void Services_of_the_machine_come_before_those_of_the_host()
    {
        var host = new DeviceServices();
        host.Add("host");
        var machine = new DeviceServices(host);
        Assert.Equal("host", machine.Find<string>());
        machine.Add("machine");
        Assert.Equal("machine", machine.Find<string>());
        Assert.Equal("host", host.Find<string>());
        Assert.Null(machine.Find<Listener>());
    }

    private sealed class Listener : IMachineListener
    {
        public List<string> Told { get; } = [];

        public void OnReset(string cause) => Told.Add("reset " + cause);

        public void OnPowerOff() => throw new NotSupportedException();

        public void OnFault(VcpuReport report) => throw new NotSupportedException();

        public void OnEject(int segment, int slot) => throw new NotSupportedException();

        public void OnRemoved() => throw new NotSupportedException();

        public void OnFatal(VcpuReport report) => throw new NotSupportedException();

        public void OnGuestEvent(string name, IReadOnlyDictionary<string, string> properties) =>
            Told.Add($"{name} {string.Join(' ', properties.Select(property => $"{property.Key}={property.Value}"))}");
    }
}
