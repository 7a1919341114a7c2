namespace Plugvisor.Machine.Vcpus;

/// <summary>What a vCPU thread is doing.</summary>
public enum VcpuState
{
    /// <summary>Making the vCPU.</summary>
    Starting,

    /// <summary>Waiting to be resumed or stopped.</summary>
    Paused,

    /// <summary>In the guest, or serving one of its accesses.</summary>
    Running,

    /// <summary>Parked after a report to <see cref="IVcpuEvents"/>: can only be stopped.</summary>
    Ended,

    /// <summary>The thread and the vCPU are gone.</summary>
    Stopped,
}
