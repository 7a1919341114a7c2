namespace Plugvisor.Control;

/// <summary>
/// Which command is legal in which state of the VM (interface reference section 7). Pure: no lock, no side effect, tested by table. The texts
/// are the API's.
/// </summary>
public static class AdmissionPolicy
{
    private const string Missing = "VM config is missing", NotCreated = "VM is not created", AlreadyCreated = "VM is already created",
        NotRunning = "VM is not running";

    /// <summary>The error for a command that is not legal now, or null when it is.</summary>
    public static VmmException? Refusal(VmmCommandKind command, VmState state) => (command, state) switch
    {
        (VmmCommandKind.Ping or VmmCommandKind.ShutdownVmm or VmmCommandKind.Delete or VmmCommandKind.ChangePlugins, _) => null,

        (VmmCommandKind.Create, VmState.None) => null,
        (VmmCommandKind.Create, _) => Failed(AlreadyCreated),

        (VmmCommandKind.Boot, VmState.None) => NotFound(Missing),
        (VmmCommandKind.Boot, VmState.Created) => null,
        (VmmCommandKind.Boot, _) => Failed(AlreadyCreated),

        (VmmCommandKind.Info or VmmCommandKind.AddDevice or VmmCommandKind.RemoveDevice or VmmCommandKind.Resize, VmState.None) => NotFound(NotCreated),
        (VmmCommandKind.Info or VmmCommandKind.AddDevice or VmmCommandKind.RemoveDevice or VmmCommandKind.Resize, _) => null,

        (VmmCommandKind.Reboot, VmState.None or VmState.Created) => NotFound(NotCreated),
        (VmmCommandKind.Reboot, _) => null,

        (VmmCommandKind.Pause, VmState.Paused) => SameState("Cannot pause VM", state),
        (VmmCommandKind.Resume, VmState.Running) => SameState("Cannot resume VM", state),

        (_, VmState.None or VmState.Created) => Failed(NotRunning),
        _ => null,
    };

    private static VmmException Failed(string text) => new(text);

    private static VmmException NotFound(string text) => new(VmmErrorKind.NotFound, text);

    private static VmmException SameState(string what, VmState state) =>
        new(what, new VmmException($"Invalid transition: InvalidStateTransition({state}, {state})"));
}
