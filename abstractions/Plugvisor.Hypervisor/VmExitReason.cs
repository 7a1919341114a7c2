namespace Plugvisor.Hypervisor;

/// <summary>Why a vCPU came back to the host.</summary>
public enum VmExitReason
{
    /// <summary>A signal or <see cref="IVcpu.RequestExit"/>; look what is asked, then run again.</summary>
    Interrupted,

    /// <summary>Port access: <see cref="VmExit.Address"/> is the port, <see cref="VmExit.Width"/> bytes, <see cref="VmExit.Count"/> times.</summary>
    Port,

    /// <summary>Access to guest-physical space without memory: <see cref="VmExit.Address"/>, up to 8 bytes.</summary>
    Mmio,

    /// <summary>A level-triggered vector was acknowledged: <see cref="VmExit.Address"/> is the vector.</summary>
    IoapicEoi,

    /// <summary>
    /// The kernel could not reach host memory that the guest touched (a truncated file, a full file system): <see cref="VmExit.Address"/> is the guest-physical address, or 0
    /// where the kernel does not say. Running again tries again.
    /// </summary>
    MemoryFault,

    /// <summary>HLT with no interrupt controller in the kernel; unusual.</summary>
    Halt,

    /// <summary>Triple fault.</summary>
    Shutdown,

    /// <summary>The kernel says that the guest asked for reset, shutdown or reported a crash.</summary>
    SystemEvent,

    /// <summary>The processor refused the guest state; <see cref="VmExit.Detail"/> says why.</summary>
    FailEntry,

    /// <summary>The kernel could not go on (emulation failure and the like); <see cref="VmExit.Detail"/> says why.</summary>
    InternalError,

    /// <summary>An exit this VMM does not know; <see cref="VmExit.Detail"/> has its number.</summary>
    Unknown,
}
