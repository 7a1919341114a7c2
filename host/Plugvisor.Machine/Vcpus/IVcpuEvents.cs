namespace Plugvisor.Machine.Vcpus;

/// <summary>
/// What a vCPU tells the VM's owner. Called on the vCPU's thread, which parks afterwards and runs no more guest code: post a
/// message and return. Pausing, stopping or joining vCPUs from here would wait for itself.
/// </summary>
public interface IVcpuEvents
{
    /// <summary>The guest has to start over: triple fault, or a reset by the kernel's system event.</summary>
    void OnReset(VcpuReport report);

    /// <summary>The kernel says that the guest powered off.</summary>
    void OnShutdown(VcpuReport report);

    /// <summary>The vCPU cannot go on; the report says why, for the log and the person who reads it.</summary>
    void OnFatal(VcpuReport report);
}
