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
                return new Placed(this, slot, range);
            }
        }
        catch
        {
            slot.Dispose();
            throw;
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

    private void Remove(GuestMapping slot, AddressRange range)
    {
        lock (_lock)
        {
            slot.Dispose();
            if (slot.Address != 0) return;   // the kernel did not let go: the place stays taken
            segment.Release(range);
            mmio.Remove(range.Start);
        }
    }

    private sealed class Placed(DeviceMemory all, GuestMapping slot, AddressRange range) : IDeviceMemoryRange
    {
        private int _disposed;

        public ulong Address => range.Start;

        public ulong Length => range.Length;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) all.Remove(slot, range);
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
