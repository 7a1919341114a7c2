namespace Plugvisor.Abstractions.Memory;

/// <summary>One contiguous range of guest RAM and where the VMM has it mapped.</summary>
/// <param name="GuestAddress">First guest-physical address.</param>
/// <param name="Length">Length in bytes; never 0.</param>
/// <param name="HostAddress">Address of the first byte in the VMM's own address space.</param>
/// <param name="BackingFd">The memfd or file behind the mapping, or -1 for anonymous memory. For back ends that map it themselves.</param>
/// <param name="BackingOffset">Offset of the first byte in <paramref name="BackingFd"/>.</param>
public readonly record struct GuestRegion(
    ulong GuestAddress, nuint Length, nint HostAddress, int BackingFd = -1, ulong BackingOffset = 0)
{
    /// <summary>First guest-physical address after the region.</summary>
    public ulong EndAddress => GuestAddress + Length;
}
