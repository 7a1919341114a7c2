using Plugvisor.Linux.Events;

namespace Plugvisor.Hypervisor;

/// <summary>
/// A virtual machine as the kernel knows it. Every member may be used from any thread; calls that change the same thing
/// (slots, routes) are made by one owner, the host's control thread.
/// </summary>
public interface IVm : IDisposable
{
    /// <summary>How many memory slots the kernel gives a VM; their numbers are below this.</summary>
    uint MemorySlotLimit { get; }

    /// <summary>Maps host memory into guest-physical space, moves a slot whose other values are as before, or with length 0 removes it. Expensive: make few.</summary>
    void SetMemorySlot(in MemorySlot slot);

    /// <summary>Makes vCPU <paramref name="id"/> (its APIC id). Used from then on by the thread that runs it only.</summary>
    IVcpu CreateVcpu(uint id);

    /// <summary>
    /// The kernel signals <paramref name="doorbell"/> when the guest writes to the address, with no exit.
    /// Length 0: a write of any width and value.
    /// </summary>
    void AddDoorbell(ulong address, EventFd doorbell);

    /// <summary>Undoes <see cref="AddDoorbell"/> with the same arguments.</summary>
    void RemoveDoorbell(ulong address, EventFd doorbell);

    /// <summary>A signal on <paramref name="trigger"/> raises <paramref name="gsi"/> from now on (irqfd).</summary>
    void AddIrqFd(uint gsi, EventFd trigger);

    /// <summary>Undoes <see cref="AddIrqFd"/>.</summary>
    void RemoveIrqFd(uint gsi, EventFd trigger);

    /// <summary>Replaces the whole table of GSI routes; batch changes, one call is a table swap in the kernel.</summary>
    void SetMsiRoutes(ReadOnlySpan<MsiRoute> routes);

    /// <summary>
    /// Every vCPU is gone for good: from now on doorbells and interrupt triggers are only forgotten, not taken off one by one, which is slow
    /// (milliseconds for a doorbell). Disposing the VM takes them all off.
    /// </summary>
    void EndGuest();

    /// <summary>Delivers one MSI now.</summary>
    void SignalMsi(ulong address, uint data);
}
