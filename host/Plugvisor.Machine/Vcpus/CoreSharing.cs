namespace Plugvisor.Machine.Vcpus;

/// <summary>Which vCPU threads may run on the hyperthreads of one core at the same time.</summary>
public enum CoreSharing
{
    /// <summary>Those of this VM.</summary>
    WithinVm,

    /// <summary>None with another.</summary>
    Never,

    /// <summary>Any with anything.</summary>
    Anything,
}
