namespace Plugvisor.Cli.CommandLine;

/// <summary>Under which heading <c>--help</c> shows an option.</summary>
internal enum OptionGroup
{
    Payload,
    Machine,
    Devices,
    Vmm,
}
