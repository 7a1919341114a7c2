using System.Runtime.InteropServices;

namespace Plugvisor.Linux.IoUring;

/// <summary>A completion: <c>struct io_uring_cqe</c>, 16 bytes.</summary>
/// <param name="UserData">As given with the submission.</param>
/// <param name="Result">What the system call would have returned, or a negative errno.</param>
/// <param name="Flags">IORING_CQE_F_ bits.</param>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly record struct IoUringCompletion(ulong UserData, int Result, uint Flags)
{
    /// <summary>IORING_CQE_F_MORE: the submission stays armed and completes again.</summary>
    public bool HasMore => (Flags & 2) != 0;
}
