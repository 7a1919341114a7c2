using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Memory;
using Plugvisor.Machine.Memory;
using Plugvisor.Tests.Unit.Machine.Virtio;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>BARs of a plugin's PCI device that are host memory, and registers of it that only ring.</summary>
public sealed class PciDeviceMemoryTests : IDisposable
{
    private readonly VirtioPciMachine _machine = new();
    private readonly MemoryMapping _host = MemoryMapping.Map(0x10000, MemoryMapping.ReadWrite, MemoryMapping.Private | MemoryMapping.Anonymous, -1, 0, "test");

    public void Dispose()
    {
        _machine.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void The_memory_lies_where_the_bar_is_and_nowhere_while_decoding_is_off()
    {
        PciGuest guest = _machine.Add(Device(Part(0x2000, 0x3000)));
        ulong home = guest.Address(0);
        Assert.Equal([(home + 0x2000, 0x3000ul)], Places());
        guest.WriteConfig(4, 0, 2);
        Assert.Empty(_machine.Vm.Slots);
        guest.WriteConfig(0x10, 0xC800_0000);
        Assert.Empty(_machine.Vm.Slots);
        guest.WriteConfig(4, 2, 2);
        Assert.Equal([(0xC800_2000ul, 0x3000ul)], Places());
        guest.WriteConfig(0x10, 0xC900_0000);   // with decoding on
        Assert.Equal([(0xC900_2000ul, 0x3000ul)], Places());
        guest.WriteConfig(0x10, uint.MaxValue);  // sizing is no move
        Assert.Equal([(0xC900_2000ul, 0x3000ul)], Places());
        Assert.Equal(_host.Address, Assert.Single(_machine.Vm.Slots).Value.HostAddress);
    }

    [Fact]
    public void The_device_hears_of_what_lies_beside_the_memory_only()
    {
        TestDevice device = Device(Part(0x2000, 0x3000));
        PciGuest guest = _machine.Add(device);
        ulong home = guest.Address(0);
        device.TakeAccesses();
        Write(home + 0x1ffc, 8);
        Write(home + 0x2000, 8);
        Write(home + 0x4ff8, 8);
        Write(home + 0x5000, 8);
        Assert.Equal(ulong.MaxValue, _machine.Read(_machine.Mmio, home + 0x2008, 8));
        Assert.Equal(["write 0 1ffc 4", "write 0 5000 8"], device.TakeAccesses());
    }

    [Fact]
    public void Hostile_25_a_place_that_the_kernel_refuses_leaves_all_memory_where_it_was()
    {
        PciGuest guest = _machine.Add(Device(Part(0, 0x1000), Part(0x3000, 0x1000), Part(0x5000, 0x2000)));
        (ulong, ulong)[] before = Places();
        _machine.Vm.Refuses = slot => slot.Length == 0x2000;
        guest.WriteConfig(0x10, 0xC800_0000);
        Assert.Equal(before, Places());
        Assert.Contains("where its memory cannot be", _machine.Log.Lines[^1], StringComparison.Ordinal);
        Write(0xC800_2000, 4);   // nobody answers there
        Assert.Equal(before[0].Item1, guest.Device.DescribeTree()[0].Bars[0].Base);
        _machine.Vm.Refuses = static _ => false;
        guest.WriteConfig(0x10, 0xC900_0000);
        Assert.Equal([(0xC900_0000ul, 0x1000ul), (0xC900_3000ul, 0x1000ul), (0xC900_5000ul, 0x2000ul)], Places());
        foreach (uint bad in new uint[] { 0, 0x1000_0000, 0xFEC0_0000, 0xFEE0_0000, 0xE800_0000, 0xFFFF_0000 })
        {
            guest.WriteConfig(0x10, bad);
            Assert.Equal(0xC900_0000ul, Places()[0].Item1);
        }
    }

    [Fact]
    public void A_removed_device_gives_its_slots_and_the_mapping_back()
    {
        PciGuest guest = _machine.Add(Device(Part(0, 0x1000), Part(0x4000, 0x2000)));
        Assert.Equal(2, _machine.Vm.Slots.Count);
        Assert.True(guest.Device.Remove());
        Assert.Empty(_machine.Vm.Slots);
        _machine.Add(Device(Part(0, 0x1000)));
        Assert.Equal(GuestMappings.FirstSlot, Assert.Single(_machine.Vm.Slots).Key);
    }

    [Fact]
    public void Impossible_parts_are_refused_in_words_and_take_no_slot()
    {
        Refused("whole pages", Device(Part(0x800, 0x1000)));
        Refused("whole pages", Device(Part(0, 0x800)));
        Refused("whole pages", Device(Part(0xF000, 0x2000)));
        Refused("whole pages", Device(Part(0xFFFF_FFFF_FFFF_F000, 0x2000)));
        Refused("no memory BAR", Device(Part(0, 0x1000) with { Bar = 3 }));
        Refused("other memory", Device(Part(0, 0x3000), Part(0x2000, 0x1000)));
        Refused("MSI-X", Device(new PciMsixTraits(4) { Placement = new PciMsixPlacement(0, 0x2000, 0x8000) }, Part(0x2000, 0x1000)));
        Refused("MSI-X", Device(new PciMsixTraits(4) { Placement = new PciMsixPlacement(0, 0x2000, 0x8ff8) }, Part(0x8000, 0x1000)));
        _machine.Vm.MemorySlotLimit = GuestMappings.FirstSlot + 1;
        Refused("memory slots", Device(Part(0, 0x1000), Part(0x1000, 0x1000)));
        _machine.Add(Device(new PciMsixTraits(4) { Placement = new PciMsixPlacement(0, 0x2000, 0x3000) }, Part(0x4000, 0x1000)));
        Assert.Single(_machine.Vm.Slots);
    }

    [Fact]
    public void A_doorbell_rings_by_the_kernel_where_the_bar_is_and_by_an_exit_otherwise()
    {
        using var bell = new EventFd();
        using var other = new EventFd();
        TestDevice device = Device();
        device.Bells = [new PciDoorbell(0, 0x40, bell), new PciDoorbell(0, 0x44, other)];
        PciGuest guest = _machine.Add(device);
        ulong home = guest.Address(0);
        Assert.Same(bell, _machine.Vm.Doorbells[home + 0x40]);
        Assert.Same(other, _machine.Vm.Doorbells[home + 0x44]);
        guest.WriteConfig(0x10, 0xC800_0000);
        Assert.Equal([0xC800_0040ul, 0xC800_0044ul], _machine.Vm.Doorbells.Keys.Order());

        device.TakeAccesses();
        Write(0xC800_0044, 4);
        Write(0xC800_0044, 1);
        Write(0xC800_0042, 8);   // starts elsewhere
        _ = _machine.Read(_machine.Mmio, 0xC800_0044, 4);
        Assert.Equal((0ul, 2ul), (bell.Drain(), other.Drain()));
        Assert.Equal(["write 0 42 8", "read 0 44 4"], device.TakeAccesses());

        guest.WriteConfig(4, 0, 2);
        Assert.Empty(_machine.Vm.Doorbells);
        guest.WriteConfig(4, 2, 2);
        Assert.Equal(2, _machine.Vm.Doorbells.Count);
        Assert.True(guest.Device.Remove());
        Assert.Empty(_machine.Vm.Doorbells);
        bell.Signal();   // it was the device's
    }

    [Fact]
    public void Impossible_doorbells_are_refused_in_words()
    {
        using var bell = new EventFd();
        using var closed = new EventFd();
        closed.Dispose();
        RefusedBell("outside its memory BARs", new PciDoorbell(0, 0x10000, bell));
        RefusedBell("outside its memory BARs", new PciDoorbell(2, 0, bell));
        RefusedBell("twice", new PciDoorbell(0, 0x40, bell), new PciDoorbell(0, 0x40, bell));
        RefusedBell("in place of an open EventFd", new PciDoorbell(0, 0x40, closed));
        RefusedBell("in place of an open EventFd", new PciDoorbell(0, 0x40, _host));
        TestDevice beside = Device(Part(0x2000, 0x1000));
        beside.Bells = [new PciDoorbell(0, 0x2ff8, bell)];
        Refused("where its memory", beside);

        void RefusedBell(string words, params PciDoorbell[] bells)
        {
            TestDevice device = Device();
            device.Bells = bells;
            Refused(words, device);
        }
    }

    private void Write(ulong address, int width) => _machine.Write(_machine.Mmio, address, width, 1);

    private static TestDevice Device(params PciBarMemory[] parts) => Device(null, parts);

    private static TestDevice Device(PciMsixTraits? msix, params PciBarMemory[] parts) =>
        new() { Bars = [new PciBarTraits(0, PciBarKind.Memory32, 0x10000)], Msix = msix, BarMemory = parts };

    private PciBarMemory Part(ulong offset, ulong length) => new(0, offset, new HostMapping(_host, length));

    private (ulong Address, ulong Length)[] Places() => [.. _machine.Vm.Slots.OrderBy(slot => slot.Key).Select(slot => (slot.Value.GuestAddress, slot.Value.Length))];

    private void Refused(string words, TestDevice device)
    {
        Assert.Contains(words, Assert.Throws<DeviceException>(() => _machine.Add(device)).Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Vm.Slots);
    }

    private sealed class TestDevice : FakePciDevice, IPciMemoryBars, IPciDoorbells
    {
        public IReadOnlyList<PciBarMemory> BarMemory { get; init; } = [];

        public IReadOnlyList<PciDoorbell> Bells { get; set; } = [];

        IReadOnlyList<PciDoorbell> IPciDoorbells.Doorbells => Bells;
    }
}
