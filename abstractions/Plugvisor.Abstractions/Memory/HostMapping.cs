using System.Runtime.InteropServices;

namespace Plugvisor.Abstractions.Memory;

/// <summary>
/// Host memory that a guest is to see: a mapping that the device made (of a file, a memfd, a device). The host holds a reference to it for as long as the
/// guest can reach it, so that it is never unmapped under the guest, whatever the order in which things are disposed.
/// </summary>
/// <param name="Handle">The mapping; its value is the address of the first byte, which is page aligned.</param>
/// <param name="Length">Bytes that the guest sees, a multiple of 4 KiB, not more than are mapped.</param>
public sealed record HostMapping(SafeHandle Handle, ulong Length)
{
    /// <summary>The guest can read only: what it writes is dropped. The mapping itself may then be without write permission.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>
    /// Called when the kernel could not reach a page that the guest touched, which may be one of this mapping or not: the file behind it was truncated, its file system is full
    /// or its disk failed. It may put other pages in the place of those that are gone. On a thread of a vCPU, one call at a time: cheap, no waiting.
    /// Answers whether it changed something, so that the guest can go on; when nobody did, the VM ends with a report. Null for memory that cannot get lost.
    /// </summary>
    public Func<bool>? Mend { get; init; }
}
