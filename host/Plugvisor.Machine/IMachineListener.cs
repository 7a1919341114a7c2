using Plugvisor.Machine.Legacy;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Machine;

/// <summary>
/// Who decides what happens when the guest asks for something that concerns the whole machine. Called on vCPU threads: posts, never
/// blocks, and may be told the same more than once.
/// </summary>
public interface IMachineListener : IMachineEvents
{
    /// <summary>A vCPU did what resets a real machine (a triple fault).</summary>
    void OnFault(VcpuReport report);

    /// <summary>A vCPU cannot go on: the machine is dead until it is reset or shut down.</summary>
    void OnFatal(VcpuReport report);
}
