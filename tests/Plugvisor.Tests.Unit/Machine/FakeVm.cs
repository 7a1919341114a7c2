using Plugvisor.Hypervisor;
using Plugvisor.Linux.Events;

namespace Plugvisor.Tests.Unit.Machine;

/// <summary>An IVm without a kernel that records what is asked of it.</summary>
internal sealed class FakeVm : IVm
{
    public List<(ulong Address, uint Data)> Messages { get; } = [];

    public List<MsiRoute> Routes { get; private set; } = [];

    public int RouteCommits { get; private set; }

    public Dictionary<ulong, EventFd> Doorbells { get; } = [];

    public Dictionary<uint, EventFd> IrqFds { get; } = [];

    /// <summary>The slots that are there, by number.</summary>
    public Dictionary<uint, MemorySlot> Slots { get; } = [];

    /// <summary>Answers whether the kernel refuses to set a slot.</summary>
    public Predicate<MemorySlot> Refuses { get; set; } = static _ => false;

    public uint MemorySlotLimit { get; set; } = 32;

    public void SetMemorySlot(in MemorySlot slot)
    {
        if (slot.Length == 0)
        {
            if (!Slots.Remove(slot.Index)) throw new InvalidOperationException($"no memory slot {slot.Index}");
            return;
        }

        if (Refuses(slot)) throw new HypervisorException("KVM refuses a memory slot: Cannot allocate memory (errno 12)");
        foreach (MemorySlot other in Slots.Values)
        {
            if (other.Index != slot.Index && slot.GuestAddress < other.GuestAddress + other.Length && other.GuestAddress < slot.GuestAddress + slot.Length)
                throw new HypervisorException($"memory slot {slot.Index} overlaps {other.Index}");
        }

        Slots[slot.Index] = slot;
    }

    public IVcpu CreateVcpu(uint id) => throw new NotSupportedException();

    public void AddDoorbell(ulong address, EventFd doorbell) => Doorbells.Add(address, doorbell);

    public void RemoveDoorbell(ulong address, EventFd doorbell)
    {
        if (!Doorbells.Remove(address)) throw new InvalidOperationException($"no doorbell at 0x{address:x}");
    }

    public void AddIrqFd(uint gsi, EventFd trigger) => IrqFds.Add(gsi, trigger);

    public void RemoveIrqFd(uint gsi, EventFd trigger)
    {
        if (!IrqFds.Remove(gsi)) throw new InvalidOperationException($"no irqfd for GSI {gsi}");
    }

    public void SetMsiRoutes(ReadOnlySpan<MsiRoute> routes)
    {
        Routes = [.. routes];
        RouteCommits++;
    }

    public void EndGuest() { }

    public void SignalMsi(ulong address, uint data) => Messages.Add((address, data));

    public void Dispose() { }
}
