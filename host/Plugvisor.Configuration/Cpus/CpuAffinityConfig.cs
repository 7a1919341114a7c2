using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>Host CPUs that one vCPU's thread may use.</summary>
[ConfigObject]
public sealed partial class CpuAffinityConfig
{
    /// <summary>The vCPU.</summary>
    [ConfigMember("vcpu")]
    public required uint Vcpu { get; init; }

    /// <summary>Host CPU numbers.</summary>
    [ConfigMember("host_cpus")]
    public required IReadOnlyList<int> HostCpus { get; init; }
}
