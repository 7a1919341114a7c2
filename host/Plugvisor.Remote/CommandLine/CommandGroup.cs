namespace Plugvisor.Remote.CommandLine;

/// <summary>Under which heading <c>--help</c> shows a command.</summary>
internal enum CommandGroup
{
    Vm,
    Devices,
    State,
    Vmm,
    Program,
}
