using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>Arrangement of vCPUs. The product of all levels is the number of vCPUs that there can ever be.</summary>
[ConfigObject]
public sealed partial class CpuTopologyConfig
{
    /// <summary>1 or 2.</summary>
    [ConfigMember("threads_per_core", Help = "Threads of a core")]
    public required ushort ThreadsPerCore { get; init; }

    /// <summary>At least 1.</summary>
    [ConfigMember("cores_per_die", Help = "Cores of a die")]
    public required ushort CoresPerDie { get; init; }

    /// <summary>At least 1.</summary>
    [ConfigMember("dies_per_package", Help = "Dies of a package")]
    public required ushort DiesPerPackage { get; init; }

    /// <summary>At least 1.</summary>
    [ConfigMember("packages", Help = "Packages")]
    public required ushort Packages { get; init; }
}
