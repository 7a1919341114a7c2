namespace Plugvisor.Hypervisor;

/// <summary>A mapping of host memory into guest-physical space.</summary>
/// <param name="Index">Slot number, chosen by the owner.</param>
/// <param name="GuestAddress">First guest-physical address, page aligned.</param>
/// <param name="Length">Bytes, page aligned; 0 removes the slot.</param>
/// <param name="HostAddress">Host address of the first byte, page aligned.</param>
/// <param name="ReadOnly">Guest writes exit as MMIO.</param>
/// <param name="LogDirtyPages">The kernel keeps a dirty bitmap.</param>
public readonly record struct MemorySlot(
    uint Index, ulong GuestAddress, ulong Length, nint HostAddress, bool ReadOnly = false, bool LogDirtyPages = false);
