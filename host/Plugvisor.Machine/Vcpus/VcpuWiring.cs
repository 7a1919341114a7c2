using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Vcpus;

/// <summary>What a vCPU thread is connected to; the same for all of a VM.</summary>
/// <param name="Ports">Port space.</param>
/// <param name="Mmio">Guest-physical space outside RAM.</param>
/// <param name="Memory">Guest RAM, for reports.</param>
/// <param name="EndOfInterrupt">Told the vector when the guest acknowledged a level-triggered interrupt. On vCPU threads.</param>
/// <param name="Events">Told when a vCPU cannot go on.</param>
public sealed record VcpuWiring(Bus Ports, Bus Mmio, GuestMemory Memory, Action<byte> EndOfInterrupt, IVcpuEvents Events)
{
    /// <summary>
    /// The kernel could not reach memory at a guest address (0: it does not say which) that the guest touched. Answers null when the guest may try again, otherwise what
    /// is known about the memory, for the report. On vCPU threads.
    /// </summary>
    public Func<ulong, string?>? MemoryFault { get; init; }
}
