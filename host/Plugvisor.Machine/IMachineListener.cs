using Plugvisor.Machine.Legacy;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Machine;

/// <summary>
/// Who decides what happens when the guest asks for something that concerns the whole machine. Called on vCPU threads and on threads of devices: posts,
/// never blocks, and may be told the same more than once.
/// </summary>
public interface IMachineListener : IMachineEvents
{
    /// <summary>A vCPU did what resets a real machine (a triple fault).</summary>
    void OnFault(VcpuReport report);

    /// <summary>A vCPU cannot go on: the machine is dead until it is reset or shut down.</summary>
    void OnFatal(VcpuReport report);

    /// <summary>
    /// Something happened in the guest that those who follow the VMM's events are to hear (source <c>guest</c>). Bounded by the machine: the same
    /// event comes once a second at most.
    /// </summary>
    /// <param name="name">The event.</param>
    /// <param name="properties">Details; they do not change.</param>
    void OnGuestEvent(string name, IReadOnlyDictionary<string, string> properties);

    /// <summary>The guest let go of the device in a PCI slot, asked or not.</summary>
    void OnEject(int segment, int slot);

    /// <summary>A removed device has stopped, or was given up: <see cref="VirtualMachine.TakeRemoved"/>.</summary>
    void OnRemoved();
}
