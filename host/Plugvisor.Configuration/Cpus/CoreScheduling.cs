using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>Which vCPU threads the kernel may run on one core at a time (prctl PR_SCHED_CORE).</summary>
public enum CoreScheduling
{
    /// <summary>Those of this VM.</summary>
    [ConfigValue("Vm")]
    Vm,

    /// <summary>Each only with itself.</summary>
    [ConfigValue("Vcpu")]
    Vcpu,

    /// <summary>Any.</summary>
    [ConfigValue("Off")]
    Off,
}
