using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Plugins.Pvpanic;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Pvpanic;

public sealed class PvpanicTests : PciDeviceConformance, IDisposable
{
    private readonly GuestMemoryMock _ram = new();
    private readonly MockMachineControl _machine = new();

    public void Dispose() => _ram.Dispose();

    [Fact]
    public void It_is_what_linux_looks_for()
    {
        using IPciDevice device = Create();
        PciTraits traits = device.Traits;
        Assert.Equal((0x1b36, 0x0011, 0x088000u), (traits.VendorId, traits.DeviceId, traits.ClassCode));
        Assert.Equal(new PciBarTraits(0, PciBarKind.Memory32, 2), Assert.Single(traits.Bars));
        Assert.Null(traits.Msix);
        Assert.Empty(traits.Capabilities);
    }

    [Theory]
    [InlineData(0, 1, 3ul)]
    [InlineData(0, 2, 3ul)]
    [InlineData(1, 1, 0ul)]
    public void A_read_tells_the_events_that_it_takes(ulong offset, int width, ulong value)
    {
        using IPciDevice device = Create();
        byte[] data = [0xff, 0xff, 0, 0, 0, 0, 0, 0];
        device.ReadBar(0, offset, data.AsSpan(0, width));
        data.AsSpan(width).Clear();
        Assert.Equal(value, BitConverter.ToUInt64(data));
    }

    [Theory]
    [InlineData(1, "panic")]
    [InlineData(2, "crash_loaded")]
    [InlineData(0, "unknown_event")]
    [InlineData(3, "unknown_event")]
    [InlineData(0xff, "unknown_event")]
    public void A_write_reports_the_event(byte value, string name)
    {
        using IPciDevice device = Create();
        device.WriteBar(0, 0, [value]);
        device.WriteBar(0, 1, [value]);
        Assert.Equal([$"panic event={name}"], _machine.Events);
        Assert.Empty(_machine.Resets);
    }

    [Fact]
    public void Another_instance_goes_on_reporting()
    {
        using IPciDevice device = Create();
        device.WriteBar(0, 0, [1]);
        var host = new MockDeviceHost(_ram);
        host.Offer<IMachineControl>(_machine);
        using IPciDevice successor = CreateSuccessor(host, ((ISnapshottable)device).Save(), []);
        Assert.Equal(["panic event=panic"], _machine.Events);   // told once: a state is no event
        successor.WriteBar(0, 0, [2]);
        Assert.Equal(["panic event=panic", "panic event=crash_loaded"], _machine.Events);
        byte[] events = new byte[1];
        successor.ReadBar(0, 0, events);
        Assert.Equal(3, events[0]);
    }

    [Fact]
    public void A_newer_state_may_be_longer_and_one_of_another_version_is_refused_by_both()
    {
        var host = new MockDeviceHost(_ram);
        host.Offer<IMachineControl>(_machine);
        using (CreateSuccessor(host, new byte[] { 1, 2, 3 }, []))
        {
        }

        Assert.Equal("pvpanic device __pvpanic: its saved state has version 2; this plugin knows version 1",
            Assert.Throws<DeviceException>(() => CreateSuccessor(host, new byte[] { 2 }, [])).Message);
    }

    [Fact]
    public void A_guest_that_panics_without_end_makes_no_garbage()
    {
        var count = new CountingMachine();
        var host = new MockDeviceHost(_ram);
        host.Offer<IMachineControl>(count);
        using IPciDevice device = Create(host);
        device.WriteBar(0, 0, [1]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100_000; i++) device.WriteBar(0, 0, [(byte)(i % 4)]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
        Assert.Equal(100_001, count.Events);
    }

    [Fact]
    public void Without_anybody_to_tell_it_cannot_be_made()
    {
        string message = Assert.Throws<DeviceException>(() => Create(new MockDeviceHost(_ram))).Message;
        Assert.Contains("__pvpanic", message, StringComparison.Ordinal);
    }

    protected override IPciDevice Create(MockDeviceHost host)
    {
        using JsonDocument config = JsonDocument.Parse("{}");
        return (IPciDevice)new Plugin().Create(new DeviceRequest { Id = "__pvpanic", Config = config.RootElement }, host);
    }

    protected override IPciDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited)
    {
        using JsonDocument config = JsonDocument.Parse("{}");
        return (IPciDevice)new Plugin().Create(
            new DeviceRequest { Id = "__pvpanic", Config = config.RootElement, SavedState = state, Inherited = inherited }, host);
    }

    private IPciDevice Create()
    {
        var host = new MockDeviceHost(_ram);
        host.Offer<IMachineControl>(_machine);
        return Create(host);
    }

    private sealed class CountingMachine : IMachineControl
    {
        public int Events { get; private set; }

        public void RequestReset(string cause) { }

        public void ReportGuestEvent(string name, IReadOnlyDictionary<string, string> properties) => Events++;
    }
}
