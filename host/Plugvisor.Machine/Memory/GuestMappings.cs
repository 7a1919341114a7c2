using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor;

namespace Plugvisor.Machine.Memory;

/// <summary>
/// Host memory of devices in guest-physical space: gives out the kernel's memory slots, and asks the devices when the kernel cannot reach memory that a guest touched. Slots below
/// <see cref="FirstSlot"/> belong to RAM. Any thread.
/// </summary>
/// <param name="vm">Has the slots.</param>
/// <param name="log">Takes a line when memory was mended.</param>
public sealed class GuestMappings(IVm vm, IDeviceLog log)
{
    /// <summary>Slots before this one are kept for RAM: two now, and some to be added later.</summary>
    public const uint FirstSlot = 16;

    private readonly Lock _lock = new();
    private readonly Lock _mending = new();
    private readonly List<GuestMapping> _mappings = [];

    internal IVm Vm => vm;

    /// <summary>Takes a slot for a mapping, which the guest does not see yet.</summary>
    /// <param name="owner">The device's id, for messages.</param>
    /// <param name="mapping">What the guest is to see.</param>
    /// <exception cref="DeviceException">The mapping is impossible, or every slot is taken.</exception>
    public GuestMapping Add(string owner, HostMapping mapping)
    {
        nint address = mapping.Handle.DangerousGetHandle();
        if (mapping.Handle.IsClosed || mapping.Handle.IsInvalid || mapping.Length == 0 || ((ulong)address | mapping.Length) % GuestMapping.PageSize != 0)
            throw new DeviceException($"device {owner} has memory of 0x{mapping.Length:x} bytes for the guest at 0x{address:x}: it has to be whole pages that are mapped");
        lock (_lock)
        {
            uint slot = FirstSlot, limit = vm.MemorySlotLimit;
            while (slot < limit && _mappings.Exists(other => other.Slot == slot)) slot++;
            if (slot >= limit)
            {
                throw new DeviceException(
                    $"device {owner}: the kernel has {limit} memory slots for a VM, and none is left for the device's memory; remove another device that has memory");
            }

            bool counted = false;
            mapping.Handle.DangerousAddRef(ref counted);
            var added = new GuestMapping(this, owner, slot, mapping);
            _mappings.Add(added);
            return added;
        }
    }

    /// <summary>The kernel could not reach memory that the guest touched: asks every device whose memory can get lost.</summary>
    /// <param name="address">The guest-physical address, or 0 when the kernel does not say.</param>
    /// <returns>Null when a device has put something there, so that the guest can go on; otherwise what is known, for a report.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    public string? Mend(ulong address)
    {
        GuestMapping[] mappings;
        lock (_lock) mappings = [.. _mappings];
        string? mended = null, known = null;
        lock (_mending)
        {
            foreach (GuestMapping mapping in mappings)
            {
                if (mapping.Mend is not { } mend) continue;
                ulong at = mapping.Address;
                if (at == 0 || (address != 0 && (address < at || address - at >= mapping.Mapping.Length))) continue;
                known = known is null ? $"; it may be that of {mapping.Owner}" : $"{known} or {mapping.Owner}";
                try
                {
                    if (mend()) mended = mapping.Owner;
                }
                catch (Exception e)
                {
                    log.Warn($"{mapping.Owner} cannot mend its memory: {e.GetType().Name}: {e.Message}");
                }
            }
        }

        return mended is null ? known ?? "" : null;
    }

    internal void Forget(GuestMapping mapping)
    {
        lock (_lock) _mappings.Remove(mapping);
        WaitForMending();   // the next one does not find it any more
    }

    /// <summary>Waits until the mending that is under way has ended.</summary>
    internal void WaitForMending()
    {
        lock (_mending)
        {
            // Nobody is in it now.
        }
    }
}
