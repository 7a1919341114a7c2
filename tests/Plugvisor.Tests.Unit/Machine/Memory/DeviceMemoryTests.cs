using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Linux.Memory;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Pci;
using Plugvisor.Tests.Unit.Machine.Pci;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Memory;

public sealed class DeviceMemoryTests : IDisposable
{
    private const ulong High = 0x80_0000_0000, MiB = 1 << 20;
    private static readonly AddressRange Area = new(High, 64 * MiB);

    private readonly FakeVm _vm = new();
    private readonly Bus _mmio = new();
    private readonly RecordingLog _log = new();
    private readonly PciSegment _segment;
    private readonly GuestMappings _mappings;
    private readonly DeviceMemory _memory;
    private readonly MemoryMapping _host = MemoryMapping.Map(8 << 20, MemoryMapping.ReadWrite, MemoryMapping.Private | MemoryMapping.Anonymous, -1, 0, "test");

    public DeviceMemoryTests()
    {
        _segment = new PciRoot(new Bus(), _mmio).AddSegment(new PciApertures(new AddressRange(0xC000_0000, 0x2800_0000), Area), _log);
        _mappings = new GuestMappings(_vm, _log);
        _memory = new DeviceMemory(Area, _mappings, _mmio, _segment);
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Memory_lies_at_the_end_of_the_area_aligned_and_the_next_below_it()
    {
        using IDeviceMemoryRange first = Place(2 * MiB), second = Place(6 * MiB), page = Place(4096, 4096), third = Place(2 * MiB);
        Assert.Equal(Area.End - 2 * MiB, first.Address);
        Assert.Equal(first.Address - 6 * MiB, second.Address);
        Assert.Equal(second.Address - 4096, page.Address);
        Assert.Equal(second.Address - 4 * MiB, third.Address);
        Assert.Equal(4, _vm.Slots.Count);
        Assert.All(_vm.Slots.Values, slot => Assert.True(slot.Index >= GuestMappings.FirstSlot && slot.HostAddress == _host.Address && !slot.ReadOnly));
    }

    [Fact]
    public void A_place_that_was_given_back_is_used_again_and_the_same_devices_get_the_same_addresses()
    {
        ulong address;
        using (IDeviceMemoryRange first = Place(2 * MiB)) address = first.Address;
        Assert.Empty(_vm.Slots);
        using IDeviceMemoryRange again = Place(2 * MiB);
        Assert.Equal(address, again.Address);
        again.Dispose();
        again.Dispose();
        Assert.Empty(_vm.Slots);
        using IDeviceMemoryRange asked = _memory.Place("d", new HostMapping(_host, 4 * MiB) { ReadOnly = true }, 2 * MiB, High + 8 * MiB);
        Assert.Equal(High + 8 * MiB, asked.Address);
        Assert.True(Assert.Single(_vm.Slots).Value.ReadOnly);
    }

    [Fact]
    public void Bars_and_memory_do_not_meet_whoever_comes_first()
    {
        using IDeviceMemoryRange first = Place(2 * MiB);
        TestFunction function = AddBar("a", 32 * MiB);
        Assert.Equal(High, function.Bars[0]!.Address);
        // Only 30 MiB are left below the memory, so the next one of 32 MiB goes below 4 GiB.
        Assert.InRange(AddBar("b", 32 * MiB).Bars[0]!.Address, 0xC000_0000ul, 0xE800_0000ul);
        using (Place(8 * MiB)) Assert.InRange(AddBar("c", 16 * MiB).Bars[0]!.Address, High + 32 * MiB, High + 40 * MiB);

        // The guest moves a BAR onto the memory: it stays where it was.
        function.GuestWriteConfig(4, [0, 0]);
        function.GuestWriteConfig(0x10, BitConverter.GetBytes(unchecked((uint)(Area.End - 32 * MiB))));
        function.GuestWriteConfig(4, [2, 0]);
        Assert.False(function.Bars[0]!.IsMapped);
        Assert.Contains("taken", _log.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(Area.End - 2 * MiB, first.Address);
    }

    [Fact]
    public void What_has_no_room_is_refused_in_words_and_leaves_nothing()
    {
        Refused("no room", () => _memory.Place("d", new HostMapping(_host, 128 * MiB), 2 * MiB));
        Refused("power of two", () => Place(MiB, 3 << 20));
        Refused("taken or outside", () => _memory.Place("d", new HostMapping(_host, MiB), 2 * MiB, High + MiB));
        Refused("taken or outside", () => _memory.Place("d", new HostMapping(_host, MiB), 2 * MiB, 0));
        Refused("whole pages", () => _memory.Place("d", new HostMapping(_host, 100), 4096));
        Refused("whole pages", () => _memory.Place("d", new HostMapping(_host, 0), 4096));
        using IDeviceMemoryRange there = Place(MiB);
        Refused("taken or outside", () => _memory.Place("d", new HostMapping(_host, MiB), 4096, there.Address + MiB - 4096));
        _vm.Refuses = static _ => true;
        Refused("cannot be given to the guest", () => Place(MiB));
        _vm.Refuses = static _ => false;
        Assert.Single(_vm.Slots);
        using IDeviceMemoryRange next = Place(MiB, 4096);
        Assert.Equal(there.Address + MiB, next.Address);
        Assert.False(_host.IsClosed);
    }

    [Fact]
    public void When_every_slot_is_taken_the_error_says_how_many_there_are()
    {
        _vm.MemorySlotLimit = GuestMappings.FirstSlot + 2;
        using IDeviceMemoryRange one = Place(MiB, 4096);
        IDeviceMemoryRange two = Place(MiB, 4096);
        Refused($"has {GuestMappings.FirstSlot + 2} memory slots", () => Place(MiB, 4096));
        two.Dispose();
        using IDeviceMemoryRange three = Place(MiB, 4096);
        Assert.Equal(two.Address, three.Address);
    }

    [Fact]
    public void The_mapping_stays_until_the_guest_cannot_reach_it()
    {
        string name = $"device-memory-{Guid.NewGuid():N}";
        using MemFd file = MemFd.Create(name, 4096);
        MemoryMapping mapping = MemoryMapping.Map(4096, MemoryMapping.ReadWrite, MemoryMapping.Shared, file.Descriptor, 0, "test");
        IDeviceMemoryRange range = _memory.Place("d", new HostMapping(mapping, 4096), 4096);
        mapping.Dispose();
        Assert.Contains(name, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
        range.Dispose();
        Assert.DoesNotContain(name, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
    }

    [Fact]
    public void Lost_memory_is_mended_by_its_device_or_told_in_words()
    {
        int asked = 0;
        bool mends = true;
        using IDeviceMemoryRange plain = Place(MiB, 4096);
        using IDeviceMemoryRange range = _memory.Place("lossy", new HostMapping(_host, MiB) { Mend = () => { asked++; return mends; } }, 4096);
        using IDeviceMemoryRange faulty = _memory.Place("faulty", new HostMapping(_host, MiB) { Mend = () => throw new InvalidOperationException("no") }, 4096);
        Assert.Null(_mappings.Mend(range.Address + 5));
        Assert.Equal("", _mappings.Mend(plain.Address));
        Assert.Equal(1, asked);
        Assert.Null(_mappings.Mend(0));
        Assert.Contains("faulty cannot mend", _log.Lines[^1], StringComparison.Ordinal);
        mends = false;
        Assert.Equal("; it may be that of lossy or faulty", _mappings.Mend(0));
        range.Dispose();
        Assert.Equal("", _mappings.Mend(range.Address));
        Assert.Equal(3, asked);
    }

    [Fact]
    public void A_successor_goes_on_with_the_range_and_it_goes_with_the_last_of_both()
    {
        string asked = "";
        IDeviceMemoryRange first = _memory.Place("d", new HostMapping(_host, MiB) { Mend = () => { asked += "first "; return true; } }, 4096);
        Refused("nothing", () => _memory.Continue("other", first.Address, null, out _), "has no memory");
        Refused("nothing", () => _memory.Continue("d", first.Address + 4096, null, out _), "has no memory");
        IDeviceMemoryRange second = _memory.Continue("d", first.Address, () => { asked += "second "; return true; }, out System.Runtime.InteropServices.SafeHandle mapping);
        Assert.Same(_host, mapping);
        Assert.Equal((first.Address, first.Length), (second.Address, second.Length));
        Assert.Null(_mappings.Mend(first.Address));
        second.Dispose();   // it could not start
        Assert.Null(_mappings.Mend(first.Address));
        using IDeviceMemoryRange third = _memory.Continue("d", first.Address, () => { asked += "third "; return true; }, out _);
        first.Dispose();
        Assert.Null(_mappings.Mend(third.Address));
        Assert.Equal("second first third ", asked);
        Assert.Single(_vm.Slots);
        third.Dispose();
        Assert.Empty(_vm.Slots);
    }

    private static void Refused(string what, Func<IDeviceMemoryRange> place, string words) =>
        Assert.True(Assert.Throws<DeviceException>(place).Message.Contains(words, StringComparison.Ordinal), what);

    private static void Refused(string words, Func<IDeviceMemoryRange> place) =>
        Assert.Contains(words, Assert.Throws<DeviceException>(place).Message, StringComparison.Ordinal);

    private IDeviceMemoryRange Place(ulong length, ulong alignment = 2 * MiB) => _memory.Place("d", new HostMapping(_host, length), alignment);

    private TestFunction AddBar(string id, ulong length)
    {
        var function = new TestFunction(id, _log, PciBarKind.Memory64, length);
        Assert.True(_segment.TryAdd(function, null, out string? error), error);
        return function;
    }
}
