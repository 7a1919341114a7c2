using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Memory;

/// <summary>
/// Places memory of devices in the 64-bit device area: from its end down, as BARs are placed from its start up, so the same devices get the same addresses whatever their BARs are.
/// What is placed is known to the bus, which lets no BAR move there, and to the segment, which places none there.
/// </summary>
/// <param name="area">The window of the segment's 64-bit BARs.</param>
/// <param name="mappings">Gives the slots.</param>
/// <param name="mmio">Guest-physical space.</param>
/// <param name="segment">The segment that has the area.</param>
public sealed class DeviceMemory(AddressRange area, GuestMappings mappings, Bus mmio, PciSegment segment) : IDeviceMemory
{
    private readonly Lock _lock = new();
    private readonly List<Held> _held = [];

    /// <inheritdoc/>
    public IDeviceMemoryRange Place(string owner, HostMapping mapping, ulong alignment, ulong? address = null)
    {
        if (!ulong.IsPow2(alignment) || alignment < GuestMapping.PageSize)
            throw new DeviceException($"device {owner} wants its memory aligned to 0x{alignment:x}: that has to be a power of two from 0x1000 on");
        GuestMapping slot = mappings.Add(owner, mapping);
        try
        {
            lock (_lock)
            {
                ulong at = address ?? Find(owner, mapping.Length, alignment);
                var range = new AddressRange(at, mapping.Length);
                if (at % alignment != 0 || !area.Contains(at, mapping.Length) || !mmio.TryAdd(at, mapping.Length, Nothing.Instance))
                    throw new DeviceException($"device {owner}: its memory cannot lie at guest address 0x{at:x}, which is taken or outside the area for devices");
                try
                {
                    slot.MoveTo(at);
                }
                catch (HypervisorException e)
                {
                    mmio.Remove(at);
                    throw new DeviceException($"device {owner}: its memory cannot be given to the guest", e);
                }

                segment.Occupy(range);
                var held = new Held(slot, range);
                _held.Add(held);
                return held.Add(this, mapping.Mend);
            }
        }
        catch
        {
            slot.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IDeviceMemoryRange Continue(string owner, ulong address, Func<bool>? mend, out SafeHandle mapping)
    {
        lock (_lock)
        {
            Held held = _held.Find(held => held.Range.Start == address && string.Equals(held.Slot.Owner, owner, StringComparison.Ordinal))
                ?? throw new DeviceException($"device {owner} has no memory at guest address 0x{address:x} to go on with");
            mapping = held.Slot.Mapping.Handle;
            return held.Add(this, mend);
        }
    }

    /// <summary>Where a device's memory lies, in the order in which it was placed.</summary>
    public IReadOnlyList<AddressRange> RangesOf(string owner)
    {
        lock (_lock)
        {
            var ranges = new List<AddressRange>();
            foreach (Held held in _held)
            {
                if (string.Equals(held.Slot.Owner, owner, StringComparison.Ordinal)) ranges.Add(held.Range);
            }

            return ranges;
        }
    }

    /// <summary>The highest address that is free.</summary>
    private ulong Find(string owner, ulong length, ulong alignment)
    {
        ulong end = area.End;
        while (length <= end - area.Start)
        {
            ulong at = (end - length) & ~(alignment - 1);
            if (at < area.Start) break;
            ulong? blocked = mmio.FirstBetween(at, length);
            if (blocked is null) return at;
            end = blocked.Value;   // only what lies wholly below the lowest thing that is in the way
            if (end <= area.Start) break;
        }

        throw new DeviceException($"device {owner}: there is no room for 0x{length:x} bytes of memory in the area for devices; raise max_phys_bits of --cpus if the host has more");
    }

    private void Remove(Held held, Placed place)
    {
        lock (_lock)
        {
            if (!held.Remove(place)) return;   // another instance goes on with it
            held.Slot.Dispose();
            if (held.Slot.Address != 0) return;   // the kernel did not let go: the place stays taken
            _held.Remove(held);
            segment.Release(held.Range);
            mmio.Remove(held.Range.Start);
        }
    }

    /// <summary>A range and the instances of its device that have it: one, or two while one takes over from the other. Under the lock.</summary>
    private sealed class Held(GuestMapping slot, AddressRange range)
    {
        private readonly List<Placed> _places = [];

        public GuestMapping Slot => slot;

        public AddressRange Range => range;

        public Placed Add(DeviceMemory all, Func<bool>? mend)
        {
            var place = new Placed(all, this, mend);
            _places.Add(place);
            slot.Mend = mend;
            return place;
        }

        /// <returns>Whether that was the last one.</returns>
        public bool Remove(Placed place)
        {
            _places.Remove(place);
            slot.Mend = _places.Count > 0 ? _places[^1].Mend : null;
            return _places.Count == 0;
        }
    }

    private sealed class Placed(DeviceMemory all, Held held, Func<bool>? mend) : IDeviceMemoryRange
    {
        private int _disposed;

        public Func<bool>? Mend => mend;

        public ulong Address => held.Range.Start;

        public ulong Length => held.Range.Length;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) all.Remove(held, this);
        }
    }

    /// <summary>Answers what still reaches the host: writes to read-only memory, which are dropped, and accesses while a slot goes.</summary>
    private sealed class Nothing : IBusDevice
    {
        public static readonly Nothing Instance = new();

        public void Read(ulong offset, Span<byte> data) { }

        public void Write(ulong offset, ReadOnlySpan<byte> data) { }
    }
}
