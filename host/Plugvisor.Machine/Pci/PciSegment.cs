using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// One PCI segment: bus 0 with 32 slots, function 0 of each. Functions are added and removed by the control loop, also while the
/// VM runs; vCPUs look them up without a lock.
/// </summary>
public sealed class PciSegment
{
    /// <summary>Slots of the bus.</summary>
    public const int SlotCount = 32;

    private readonly Lock _change = new();
    private readonly PciFunction?[] _slots = new PciFunction?[SlotCount];
    private readonly PciFunction?[] _hidden = new PciFunction?[SlotCount];   // ejected, and not removed yet: their slots are not free
    private AddressRange[] _occupied = [];
    private uint _reserved;

    internal PciSegment(ushort number, Bus ports, Bus mmio, PciApertures apertures)
    {
        Number = number;
        Ports = ports;
        Mmio = mmio;
        Apertures = apertures;
    }

    /// <summary>Segment number.</summary>
    public ushort Number { get; }

    /// <summary>Where the BARs may lie.</summary>
    public PciApertures Apertures { get; }

    internal Bus Ports { get; }

    internal Bus Mmio { get; }

    /// <summary>The function in a slot, or null. Any thread.</summary>
    public PciFunction? this[int slot] => (uint)slot < SlotCount ? Volatile.Read(ref _slots[slot]) : null;

    /// <summary>
    /// Keeps a slot for a device with an explicit <c>pci_device_id</c>, so that a device without one does not take it first.
    /// </summary>
    /// <returns>False when the slot does not exist, is taken or is reserved.</returns>
    public bool TryReserve(int slot)
    {
        lock (_change)
        {
            if ((uint)slot >= SlotCount || _slots[slot] is not null || _hidden[slot] is not null || (_reserved >> slot & 1) != 0) return false;
            _reserved |= 1u << slot;
            return true;
        }
    }

    /// <summary>Keeps BARs from being placed in a part of the memory windows, which has another use.</summary>
    internal void Occupy(AddressRange range)
    {
        lock (_change) _occupied = [.. _occupied, range];
    }

    /// <summary>Undoes <see cref="Occupy"/>.</summary>
    internal void Release(AddressRange range)
    {
        lock (_change) _occupied = Array.FindAll(_occupied, other => other != range);
    }

    /// <summary>Puts a function on the bus, places its BARs and lets them answer.</summary>
    /// <param name="function">A function that is on no bus.</param>
    /// <param name="slot">The slot that was asked for (reserved or free), or null for the lowest free one.</param>
    /// <param name="error">Why it cannot be, otherwise.</param>
    /// <returns>Whether the function is on the bus; its <see cref="PciFunction.Slot"/> says where.</returns>
    public bool TryAdd(PciFunction function, int? slot, out string? error)
    {
        lock (_change)
        {
            int at = slot ?? FindFree();
            error = at < 0 ? $"PCI segment {Number} has no free slot for {function.Id}"
                : at >= SlotCount ? $"PCI slot {at} of {function.Id} does not exist: slots are 0 to {SlotCount - 1}"
                : (_slots[at] ?? _hidden[at]) is { } other ? $"PCI slot {at} of {function.Id} is taken by {other.Id}"
                : null;
            if (error is not null) return false;

            var busy = new PciBusyRanges();
            foreach (PciFunction? there in _slots) there?.CollectBusy(busy);
            foreach (PciFunction? there in _hidden) there?.CollectBusy(busy);
            for (int i = 0; i < _occupied.Length; i++) busy.Add(PciBarKind.Memory64, _occupied[i].Start, _occupied[i].Length);
            if (!function.TryAttach(this, busy))
            {
                error = $"PCI segment {Number} has no room for the BARs of {function.Id}";
                return false;
            }

            function.Slot = at;
            _reserved &= ~(1u << at);
            Volatile.Write(ref _slots[at], function);
            return true;
        }
    }

    /// <summary>
    /// Takes a function out of configuration space, at once and without waiting for anybody; its slot and its BARs are its own until
    /// <see cref="Remove"/>. Any thread.
    /// </summary>
    public void Hide(int slot)
    {
        lock (_change)
        {
            if (_slots[slot] is not { } function) return;
            _hidden[slot] = function;
            Volatile.Write(ref _slots[slot], null);
        }
    }

    /// <summary>Takes a function off the bus: it answers nowhere when this returns.</summary>
    /// <returns>False when it was not there.</returns>
    public bool Remove(PciFunction function)
    {
        lock (_change)
        {
            int at = Array.IndexOf(_slots, function), hidden = Array.IndexOf(_hidden, function);
            if (at < 0 && hidden < 0) return false;
            if (at >= 0) Volatile.Write(ref _slots[at], null);
            else _hidden[hidden] = null;
            function.Detach();
            return true;
        }
    }

    /// <summary>A guest access to configuration space. Who is not there reads as all ones.</summary>
    internal void ReadConfig(uint bus, uint device, uint function, int offset, Span<byte> data)
    {
        if (bus == 0 && function == 0 && this[(int)device] is { } found) found.GuestReadConfig(offset, data);
        else data.Fill(0xff);
    }

    internal void WriteConfig(uint bus, uint device, uint function, int offset, ReadOnlySpan<byte> data)
    {
        if (bus == 0 && function == 0 && this[(int)device] is { } found) found.GuestWriteConfig(offset, data);
    }

    private int FindFree()
    {
        for (int i = 0; i < SlotCount; i++)
        {
            if (_slots[i] is null && _hidden[i] is null && (_reserved >> i & 1) == 0) return i;
        }

        return -1;
    }
}
