using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Hypervisor;

/// <summary>
/// A virtual CPU. Made on any thread, then used by the one thread that runs it, except <see cref="RequestExit"/>.
/// </summary>
public interface IVcpu : IDisposable
{
    /// <summary>Id and APIC id.</summary>
    uint Id { get; }

    /// <summary>
    /// Runs the guest until something needs the host. Completes the access of the previous exit first: what was put in
    /// <see cref="VmExit.Data"/> of a read is what the guest gets. A signal ends it with <see cref="VmExitReason.Interrupted"/>.
    /// </summary>
    /// <exception cref="HypervisorException">The kernel refuses to run the vCPU at all.</exception>
    void Run(out VmExit exit);

    /// <summary>
    /// Any thread: makes the current or the next <see cref="Run"/> end with <see cref="VmExitReason.Interrupted"/>.
    /// </summary>
    void RequestExit();

    /// <summary>After an interrupted run: allow the next one to go on.</summary>
    void ClearExitRequest();

    /// <summary>Gives the guest its CPUID, MSRs and local APIC as after power-on, for the place in <paramref name="setup"/>.</summary>
    void Initialize(in VcpuSetup setup);

    /// <summary>General registers.</summary>
    X86Registers Registers { get; set; }

    /// <summary>Segments, control registers, descriptor tables.</summary>
    X86SystemRegisters SystemRegisters { get; set; }

    /// <summary>Injects a non-maskable interrupt.</summary>
    void InjectNmi();

    /// <summary>Before the guest goes on after a pause: tells its clock, so that its watchdogs do not fire. No error when it has none.</summary>
    void NotifyPaused();

    /// <summary>Translates an address through the guest's page tables; as it is when paging is off.</summary>
    /// <returns>False when it is not mapped.</returns>
    bool TryTranslate(ulong linear, out ulong physical);
}
