namespace Plugvisor.Control;

/// <summary>Where the VMM's one VM stands.</summary>
public enum VmState
{
    /// <summary>There is no configuration.</summary>
    None,

    /// <summary>There is a configuration and no running machine: before boot and after shutdown.</summary>
    Created,

    /// <summary>vCPUs run.</summary>
    Running,

    /// <summary>vCPUs and devices stand still.</summary>
    Paused,
}
