namespace Plugvisor.Control;

/// <summary>What sort of failure a command met; front ends choose their status code by it.</summary>
public enum VmmErrorKind
{
    /// <summary>It failed, or is not legal in the VM's state.</summary>
    Failed,

    /// <summary>The configuration does not make sense.</summary>
    InvalidConfig,

    /// <summary>There is no VM, or no such device.</summary>
    NotFound,

    /// <summary>A name or a path is in use.</summary>
    Conflict,

    /// <summary>The guest has not finished what was asked before.</summary>
    Busy,

    /// <summary>This version cannot do it.</summary>
    NotImplemented,
}
