using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Memory;
using Plugvisor.Machine.Devices;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>Other code takes over a PCI device that is not virtio, or does not.</summary>
public sealed class PciDeviceExchangeTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly VirtioPciMachine _machine = new();
    private readonly DeviceLog _log = new("_pci0", NullLogger.Instance, TimeProvider.System);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_successor_gets_the_state_and_every_access_from_then_on()
    {
        var device = new SavedPciDevice { State = 5 };
        PciGuest guest = _machine.Add(device);
        ulong home = guest.Address(0);
        guest.WriteConfig(0x10, (uint)home + 0x1000);
        SavedPciDevice successor = null!;
        Exchange(guest, device, request => successor = new SavedPciDevice { State = request.SavedState.Span[0] });
        Assert.Equal(5, successor.State);
        Assert.Equal(1, device.Disposals);
        device.TakeAccesses();
        guest.Write(0, 8, 4, 0xdecade);
        Assert.Equal(0xdecadeul, guest.Read(0, 8, 4));
        Assert.Equal(["attach", "write 0 8 4", "read 0 8 4"], successor.TakeAccesses());
        Assert.Empty(device.TakeAccesses());
        Assert.Equal(home + 0x1000, guest.Address(0));   // the BAR is the function's
    }

    [Fact]
    public async Task An_access_that_comes_meanwhile_waits_for_the_successor()
    {
        using var making = new ManualResetEventSlim();
        using var make = new ManualResetEventSlim();
        var device = new SavedPciDevice();
        PciGuest guest = _machine.Add(device);
        device.TakeAccesses();
        SavedPciDevice successor = null!;
        Task exchange = Task.Run(() => Exchange(guest, device, _ =>
        {
            making.Set();
            Assert.True(make.Wait(s_patience));
            return successor = new SavedPciDevice();
        }), TestContext.Current.CancellationToken);
        Assert.True(making.Wait(s_patience, TestContext.Current.CancellationToken));
        Task access = Task.Run(() => guest.Write(0, 0, 4, 1), TestContext.Current.CancellationToken);
        make.Set();
        await Task.WhenAll(exchange, access).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("write 0 0 4", device.TakeAccesses());
        Assert.Contains("write 0 0 4", successor.TakeAccesses());
    }

    [Fact]
    public void Memory_in_a_bar_stays_with_its_instance_which_goes_on()
    {
        using MemoryMapping memory = MemoryMapping.Map(0x1000, MemoryMapping.ReadWrite, MemoryMapping.Private | MemoryMapping.Anonymous, -1, 0, "test");
        SavedPciDevice Make() => new() { Bars = [new(0, PciBarKind.Memory32, 0x10000)], BarMemory = [new PciBarMemory(0, 0x2000, new HostMapping(memory, 0x1000))] };
        SavedPciDevice device = Make();
        PciGuest guest = _machine.Add(device);
        Refused(guest, device, Make(), "memory in its BARs stays with the instance that made it; remove the device and add it again");
        Assert.Equal(guest.Address(0) + 0x2000, Assert.Single(_machine.Vm.Slots).Value.GuestAddress);
    }

    [Fact]
    public void Doorbells_ring_for_the_successor_from_then_on_wherever_the_bar_is()
    {
        using EventFd first = new(), second = new(), firstNow = new(), secondNow = new();
        var device = new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, first), new PciDoorbell(0, 0x48, second)] };
        PciGuest guest = _machine.Add(device);
        ulong home = guest.Address(0);
        second.Signal();   // rung, and not heard yet
        Exchange(guest, device, _ => new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, firstNow), new PciDoorbell(0, 0x48, secondNow)] });
        Assert.Same(firstNow, _machine.Vm.Doorbells[home + 0x40]);
        Assert.Same(secondNow, _machine.Vm.Doorbells[home + 0x48]);
        Assert.Equal((0ul, 0ul, 0ul, 1ul), (first.Drain(), second.Drain(), firstNow.Drain(), secondNow.Drain()));
        guest.Write(0, 0x40, 4, 1);   // as an exit
        Assert.Equal((0ul, 1ul), (first.Drain(), firstNow.Drain()));
        guest.WriteConfig(0x10, (uint)home + 0x1000);
        Assert.Equal([home + 0x1040, home + 0x1048], _machine.Vm.Doorbells.Keys.Order());
        Assert.Same(firstNow, _machine.Vm.Doorbells[home + 0x1040]);
    }

    [Fact]
    public void Doorbells_go_back_when_the_exchange_does()
    {
        using EventFd bell = new(), other = new();
        var device = new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, bell)] };
        PciGuest guest = _machine.Add(device);
        var successor = new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, other)] };
        guest.Device.BeginExchange(s_patience);
        guest.Device.Adopt(successor);
        Assert.Null(guest.Device.Commit(s_patience));
        Assert.Same(other, _machine.Vm.Doorbells[guest.Address(0) + 0x40]);
        other.Signal();
        guest.Device.Revert();
        guest.Device.EndExchange();
        Assert.Same(bell, _machine.Vm.Doorbells[guest.Address(0) + 0x40]);
        Assert.Equal((1ul, 0ul), (bell.Drain(), other.Drain()));
        guest.Write(0, 0x40, 4, 1);
        Assert.Equal((1ul, 0ul), (bell.Drain(), other.Drain()));
    }

    [Fact]
    public void Other_doorbells_are_refused_and_those_that_are_there_go_on_ringing()
    {
        using EventFd bell = new(), other = new(), closed = new();
        closed.Dispose();
        var device = new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, bell)] };
        PciGuest guest = _machine.Add(device);
        PciDoorbell[][] wrong = [[], [new(0, 0x44, other)], [new(0, 0x40, other), new(0, 0x44, other)], [new(0, 0x40, closed)]];
        foreach (PciDoorbell[] bells in wrong) Refused(guest, device, new SavedPciDevice { Doorbells = bells }, "it is another device: its doorbells");
        guest.Write(0, 0x40, 4, 1);
        Assert.Equal(1ul, bell.Drain());
        Assert.Same(bell, _machine.Vm.Doorbells[guest.Address(0) + 0x40]);
        var plain = new SavedPciDevice();
        Refused(_machine.Add(plain), plain, new SavedPciDevice { Doorbells = [new PciDoorbell(0, 0x40, other)] }, "it is another device: its doorbells");
    }

    [Fact]
    public void Another_device_is_refused_and_the_one_that_is_there_goes_on()
    {
        var device = new SavedPciDevice { Msix = new PciMsixTraits(2), Capabilities = [new PciCapability(9, new byte[] { 1, 2 })] };
        PciGuest guest = _machine.Add(device);
        PciCapability[] capabilities = [.. device.Capabilities];
        Refused(guest, device, new SavedPciDevice { VendorId = 0x4321, Msix = device.Msix, Capabilities = capabilities }, "its PCI ids");
        Refused(guest, device, new SavedPciDevice { ClassCode = 0x020000, Msix = device.Msix, Capabilities = capabilities }, "its class or revision");
        Refused(guest, device, new SavedPciDevice { Bars = [new(0, PciBarKind.Memory32, 0x200)], Msix = device.Msix, Capabilities = capabilities }, "its BARs");
        Refused(guest, device, new SavedPciDevice { Msix = new PciMsixTraits(3), Capabilities = capabilities }, "its interrupts");
        Refused(guest, device, new SavedPciDevice { Msix = device.Msix, Capabilities = capabilities, OwnedConfig = [new(0x100, 8)] }, "its own configuration registers");
        Refused(guest, device, new SavedPciDevice { Msix = device.Msix }, "its capabilities");
        Refused(guest, device, new SavedPciDevice { Msix = device.Msix, Capabilities = [new PciCapability(9, new byte[] { 1, 3 })] }, "its capabilities");
        Refused(guest, device, new SavedPciDevice { Msix = device.Msix, Capabilities = capabilities, Throws = "Attach" }, "no Attach today");
    }

    /// <summary>Neither it nor its state reaches the guest, and the device in use answers as before.</summary>
    private void Refused(PciGuest guest, SavedPciDevice device, SavedPciDevice successor, string words)
    {
        DeviceException e = Assert.Throws<DeviceException>(() => Exchange(guest, device, _ => successor));
        Assert.Equal("device _pci0 goes on with its old code", e.Message);
        Assert.Contains(words, e.InnerException!.Message, StringComparison.Ordinal);
        Assert.Equal((0, 1), (device.Disposals, successor.Disposals));
        device.TakeAccesses();
        guest.Write(0, 8, 4, 0xabcd);
        Assert.Equal(0xabcdul, guest.Read(0, 8, 4));
        Assert.Equal(["write 0 8 4", "read 0 8 4"], device.TakeAccesses());
    }

    private void Exchange(PciGuest guest, IDevice device, Func<DeviceRequest, IDevice> make)
    {
        var plugin = new Plugin(make);
        var request = new DeviceRequest { Id = guest.Device.Id, Config = JsonElement.Parse("{}"u8) };
        guest.Device.Host = Host();
        Assert.Same(device, guest.Device.Device);
        var plugged = new PluggedDevice(request.Id, 0, guest.Device.Slot, guest.Device.Host.DeviceCounters, guest.Device) { Plugin = plugin, Request = request };
        var exchange = new DeviceExchange(plugged, plugin, request, Host());
        try
        {
            ExchangeRun.Run([exchange], s_patience);
        }
        finally
        {
            exchange.Clean(s_patience, _log);
        }
    }

    private DeviceHost Host() => new("_pci0", _machine.Memory, _log, TimeProvider.System, new DeviceServices());

    private sealed class Plugin(Func<DeviceRequest, IDevice> make) : IDevicePlugin
    {
        public IDevice Create(DeviceRequest request, IDeviceHost host) => make(request);
    }

    private sealed class SavedPciDevice : FakePciDevice, ISnapshottable, IPciMemoryBars, IPciDoorbells
    {
        public byte State { get; init; } = 1;

        public IReadOnlyList<PciBarMemory> BarMemory { get; init; } = [];

        public IReadOnlyList<PciDoorbell> Doorbells { get; init; } = [];

        public ReadOnlyMemory<byte> Save() => new[] { State };
    }
}
