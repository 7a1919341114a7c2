using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Machine.Virtio;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

public sealed class VirtioPciDeviceTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();
    private readonly FakeVirtioDevice _device = new();
    private readonly GuestDriver _guest;

    public VirtioPciDeviceTests() => _guest = _machine.Add(_device);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_identity_is_that_of_a_modern_virtio_device()
    {
        Assert.Equal(0x1042_1af4u, _guest.ReadPci(0));
        Assert.Equal(0x0180_0001u, _guest.ReadPci(8));
        Assert.Equal(0x1042_1af4u, _guest.ReadPci(0x2c));
        Assert.Equal(2u, _guest.ReadPci(4, 2));
        Assert.Equal(0u, _guest.ReadPci(0x0e, 1));
    }

    [Fact]
    public void The_capabilities_come_in_order_and_point_to_the_fixed_regions()
    {
        var seen = new List<(uint Id, uint Type, uint Offset, uint Length)>();
        for (int at = (int)_guest.ReadPci(0x34, 1); at != 0; at = (int)_guest.ReadPci(at + 1, 1))
            seen.Add((_guest.ReadPci(at, 1), _guest.ReadPci(at + 3, 1), _guest.ReadPci(at + 8), _guest.ReadPci(at + 12)));
        Assert.Equal(
            [(9u, 1u, 0u, 0x38u), (9u, 3u, 0x2000u, 1u), (9u, 4u, 0x4000u, 0x1000u), (9u, 2u, 0x6000u, 0x1000u), (9u, 5u, 0u, 0u)], seen[..5]);
        Assert.Equal(0x11u, seen[5].Id);
        Assert.Equal(6, seen.Count);
        Assert.Equal(4u, _guest.ReadPci(_guest.Capability(9, 2) + 16));
        Assert.Equal([16u, 16u, 16u, 20u, 20u], ((byte[])[1, 3, 4, 2, 5]).Select(type => _guest.ReadPci(_guest.Capability(9, type) + 2, 1)));
    }

    [Fact]
    public void The_bar_is_64_bit_unless_the_device_asks_for_32()
    {
        Assert.Equal(4u, _guest.ReadPci(0x10) & 0xf);
        Assert.Equal(0x80_0000_0000ul, _guest.Bar);
        GuestDriver boot = _machine.Add(
            new FakeVirtioDevice { Traits = new VirtioTraits { DeviceType = 2, Features = 0, QueueSizes = [16], ConfigLength = 0, Prefer32BitBar = true } },
            "boot");
        Assert.Equal(0xC000_0000u, boot.ReadPci(0x10));
        Assert.Equal(2ul, boot.Read(GuestDriver.NumQueues, 2) + 1);
    }

    [Fact]
    public void Features_are_offered_by_halves_without_those_that_are_the_transports()
    {
        Assert.Equal(1ul << 5 | 1ul << 29, Feature(0));
        Assert.Equal(1ul, Feature(1));
        Assert.Equal(0ul, Feature(2));
        Assert.Equal(0ul, Feature(uint.MaxValue));
    }

    [Fact]
    public void A_driver_brings_the_device_up()
    {
        Assert.True(_guest.Negotiate(GuestDriver.Version1 | 1 << 29));
        Assert.Equal(2ul, _guest.Read(GuestDriver.NumQueues, 2));
        _guest.Write(GuestDriver.QueueSelect, 2, 1);
        Assert.Equal(64ul, _guest.Read(GuestDriver.QueueSize, 2));
        Assert.Equal(1ul, _guest.Read(GuestDriver.QueueNotifyOff, 2));
        _guest.SetUpQueue(1, vector: 2);
        Assert.Equal(1ul, _guest.Read(GuestDriver.QueueEnable, 2));
        Assert.Equal(0x20000ul, _guest.Read(GuestDriver.QueueDriver, 8));
        Assert.Empty(_device.Calls);

        _guest.SetStatus(15);
        Assert.Equal(["Activate", "StartQueue 1 at 0"], _device.Calls);
        Assert.Equal(GuestDriver.Version1 | 1 << 29, _device.Features);
        Assert.Equal(15, _guest.StatusNow);
        Assert.Equal(16, _device.Queues[1].Queue.Size);
    }

    [Fact]
    public void A_reset_stops_the_queues_then_the_device_and_clears_the_registers()
    {
        _guest.Start(0, 1);
        Assert.True(_guest.Reset());
        Assert.Equal(["Activate", "StartQueue 0 at 0", "StartQueue 1 at 0", "StopQueue 0", "StopQueue 1", "Reset"], _device.Calls);
        Assert.Equal(0ul, _guest.Read(GuestDriver.QueueEnable, 2));
        Assert.Equal(128ul, _guest.Read(GuestDriver.QueueSize, 2));
        Assert.Equal(0ul, _guest.Read(GuestDriver.QueueDesc, 8));
        Assert.Equal(0xfffful, _guest.Read(GuestDriver.QueueVector, 2));
        _guest.Start(0);
        Assert.Equal(2, _device.Calls.Count(call => call == "StartQueue 0 at 0"));
        Assert.Empty(_machine.Log.Lines);
    }

    [Fact]
    public void Doorbells_are_bound_when_a_queue_is_enabled_and_move_with_the_bar()
    {
        Assert.Empty(_machine.Vm.Doorbells);
        _guest.Start(0, 1);
        ulong old = _guest.Bar + GuestDriver.Notify;
        Assert.Equal([old, old + 4], _machine.Vm.Doorbells.Keys.Order());
        Assert.Same(_device.Queues[1].Doorbell, _machine.Vm.Doorbells[old + 4]);
        _guest.WritePci(0x14, 0x81);
        ulong moved = _guest.Bar + GuestDriver.Notify;
        Assert.Equal(0x81_0000_6000ul, moved);
        Assert.Equal([moved, moved + 4], _machine.Vm.Doorbells.Keys.Order());
        Assert.Same(_device.Queues[1].Doorbell, _machine.Vm.Doorbells[moved + 4]);
        _guest.WritePci(4, 0, 2);
        Assert.Empty(_machine.Vm.Doorbells);
        _guest.WritePci(4, 2, 2);
        Assert.Equal(2, _machine.Vm.Doorbells.Count);
        Assert.True(_guest.Reset());
        Assert.Equal(2, _machine.Vm.Doorbells.Count);
    }

    [Fact]
    public void A_notification_that_exits_rings_the_same_doorbell()
    {
        _guest.Start(1);
        _device.Queues[1].Doorbell.Drain();
        foreach (int width in (int[])[1, 2, 4, 8]) _guest.Write(GuestDriver.Notify + 4, width, 1);
        Assert.Equal(4ul, _device.Queues[1].Doorbell.Drain());
        _guest.Write(GuestDriver.Notify + 5, 2, 1);
        Assert.Equal(0ul, _device.Queues[1].Doorbell.Drain());
    }

    [Fact]
    public void The_doorbell_stays_the_same_object_over_resets()
    {
        _guest.Start(0);
        object doorbell = _device.Queues[0].Doorbell;
        Assert.True(_guest.Reset());
        _guest.Start(0);
        Assert.Same(doorbell, _device.Queues[0].Doorbell);
    }

    [Fact]
    public void A_config_change_bumps_the_generation_and_raises_the_config_interrupt()
    {
        _guest.EnableMsix();
        _guest.SetVector(0, 0xFEE0_0000, 0x20);
        _guest.Write(GuestDriver.ConfigVector, 2, 0);
        _guest.Start(0);
        ulong before = _guest.Read(GuestDriver.Generation, 1);
        _device.Transport!.SignalConfigChange();
        Assert.Equal(before + 1, _guest.Read(GuestDriver.Generation, 1));
        Assert.Equal(1ul, _machine.Vm.IrqFds.Single().Value.Drain());
        Assert.Equal(2ul, _guest.Read(GuestDriver.Isr, 1));
        Assert.Equal(0ul, _guest.Read(GuestDriver.Isr, 1));
    }

    [Fact]
    public void A_queue_without_a_vector_only_sets_the_isr_bit()
    {
        _guest.Start(0);
        _device.Queues[0].Interrupt.Signal();
        Assert.Equal(1ul, _guest.Read(GuestDriver.Isr, 1));
    }

    [Fact]
    public void Device_config_is_read_and_written_in_its_length_only()
    {
        for (int i = 0; i < _device.Config.Length; i++) _device.Config[i] = (byte)(i + 1);
        Assert.Equal(0x0807_0605_0403_0201ul, _guest.Read(GuestDriver.Config, 8));
        Assert.Equal(0xffff_ffff_1817_1615ul, _guest.Read(GuestDriver.Config + 20, 8));
        Assert.Equal(0xfful, _guest.Read(GuestDriver.Config + 24, 1));
        _guest.Write(GuestDriver.Config + 22, 4, 0xaabbccdd);
        Assert.Equal((0xdd, 0xcc), (_device.Config[22], _device.Config[23]));
    }

    [Fact]
    public void A_device_that_needs_a_reset_says_so_once_and_tells_the_driver()
    {
        _guest.EnableMsix();
        _guest.SetVector(0, 0xFEE0_0000, 0x20);
        _guest.Write(GuestDriver.ConfigVector, 2, 0);
        _guest.Start(0);
        for (int i = 0; i < 10; i++) _device.Transport!.NeedsReset("the backing file is gone");
        Assert.Equal(15 | GuestDriver.NeedsReset, _guest.StatusNow);
        Assert.Equal(1ul, _machine.Vm.IrqFds.Single().Value.Drain());
        Assert.Equal(["the backing file is gone; the device needs a reset"], _machine.Log.Lines);
        Assert.True(_guest.Reset());
        _guest.Start(0);
        Assert.Equal(15, _guest.StatusNow);
    }

    [Fact]
    public void Traits_that_cannot_be_are_refused_by_name()
    {
        Assert.Contains("device _bad declares a queue of 100 entries", Refusal([100], 0), StringComparison.Ordinal);
        Assert.Contains("device _bad declares 0 queues", Refusal([], 0), StringComparison.Ordinal);
        Assert.Contains("device _bad declares 5000 bytes of config space", Refusal([16], 5000), StringComparison.Ordinal);
    }

    [Fact]
    public void Removal_stops_resets_and_disposes_the_device_and_closes_its_descriptors()
    {
        var device = new FakeVirtioDevice();
        GuestDriver guest = _machine.Add(device, "other");
        guest.EnableMsix();
        guest.SetVector(1, 0xFEE0_0000, 0x20);
        guest.Start(0);
        EventFd doorbell = device.Queues[0].Doorbell, trigger = _machine.Vm.IrqFds.Values.Single();
        ulong bar = guest.Bar;
        int slot = guest.Slot;
        Assert.True(guest.Device.Remove());
        Assert.True(guest.Device.Remove());
        Assert.Equal(["Activate", "StartQueue 0 at 0", "StopQueue 0", "Reset", "Dispose"], device.Calls);
        Assert.Equal(uint.MaxValue, (uint)_machine.Read(_machine.Mmio, 0xE800_0000 + (ulong)(slot << 15), 4));
        Assert.False(_machine.Mmio.Read(bar, new byte[4]));
        Assert.Empty(_machine.Vm.Doorbells);
        Assert.Empty(_machine.Vm.IrqFds);
        Assert.True(doorbell.IsClosed && trigger.IsClosed);
        guest.Device.SignalConfigChange();   // a straggler
        guest.Device.NeedsReset("too late");
    }

    private string Refusal(IReadOnlyList<ushort> sizes, int configLength)
    {
        var device = new FakeVirtioDevice { Traits = new VirtioTraits { DeviceType = 1, Features = 0, QueueSizes = sizes, ConfigLength = configLength } };
        return Assert.Throws<DeviceException>(() => new VirtioPciDevice("_bad", device, _machine.Environment, _machine.Log)).Message;
    }

    private ulong Feature(uint select)
    {
        _guest.Write(GuestDriver.DeviceFeatureSelect, 4, select);
        return _guest.Read(GuestDriver.DeviceFeature, 4);
    }
}
