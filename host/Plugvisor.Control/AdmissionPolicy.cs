namespace Plugvisor.Control;

/// <summary>
/// Which command is legal in which state of the VM. Pure: no lock, no side effect, tested by table. The texts are the API's.
/// </summary>
public static class AdmissionPolicy
{
    /// <summary>The error for a command that is not legal now, or null when it is.</summary>
    public static string? Refusal(VmmCommandKind command, VmState state) => (command, state) switch
    {
        (VmmCommandKind.ShutdownVmm or VmmCommandKind.Delete, _) => null,

        (VmmCommandKind.Create, VmState.None) => null,
        (VmmCommandKind.Create, _) => "VM is already created",

        (VmmCommandKind.Boot, VmState.None) => "VM is not created",
        (VmmCommandKind.Boot, VmState.Created) => null,
        (VmmCommandKind.Boot, _) => "VM is already created",

        (VmmCommandKind.Reboot, VmState.None or VmState.Created) => "VM is not created",
        (VmmCommandKind.Reboot, _) => null,

        (VmmCommandKind.Pause, VmState.Paused) => "Invalid transition: InvalidStateTransition(Paused, Paused)",
        (VmmCommandKind.Resume, VmState.Running) => "Invalid transition: InvalidStateTransition(Running, Running)",

        (_, VmState.None or VmState.Created) => "VM is not running",
        _ => null,
    };
}
