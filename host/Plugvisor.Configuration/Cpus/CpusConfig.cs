using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>vCPUs: <c>cpus</c> in VmConfig, <c>--cpus</c> on the command line.</summary>
[ConfigObject]
public sealed partial class CpusConfig
{
    /// <summary>vCPUs that run from the start.</summary>
    [ConfigMember("boot_vcpus", Cli = "boot", CliDefault = "1", Min = 1, Help = "vCPUs at boot")]
    public required uint BootVcpus { get; init; }

    /// <summary>vCPUs that there can ever be; as many as at boot when not given.</summary>
    [ConfigMember("max_vcpus", Cli = "max", Min = 1, Help = "vCPUs that there can ever be (default: boot)")]
    public uint? MaxVcpus { get; init; }

    /// <summary>How they are arranged; <c>T:C:D:P</c> on the command line.</summary>
    [ConfigMember("topology", NoCli = true)]
    public CpuTopologyConfig? Topology { get; init; }

    /// <summary>Hyper-V enlightenments.</summary>
    [ConfigMember("kvm_hyperv", Help = "Hyper-V enlightenments for Windows guests")]
    public bool KvmHyperv { get; init; }

    /// <summary>Upper bound of the width of guest-physical addresses.</summary>
    [ConfigMember("max_phys_bits", Min = 33, Max = 64, Unit = "bits", Help = "Greatest width of guest-physical addresses")]
    public byte MaxPhysBits { get; init; } = 46;

    /// <summary>Host CPUs that a vCPU's thread may use.</summary>
    [ConfigMember("affinity", Help = "Host CPUs for vCPU threads: [vcpu@[cpus],...]")]
    public IReadOnlyList<CpuAffinityConfig>? Affinity { get; init; }

    /// <summary>Optional processor features.</summary>
    [ConfigMember("features", NoCli = true)]
    public CpuFeaturesConfig? Features { get; init; }

    /// <summary>Whether the guest can run VMs itself.</summary>
    [ConfigMember("nested", Help = "Show VMX or SVM to the guest")]
    public bool Nested { get; init; } = true;

    /// <summary>Which vCPUs may share a host core.</summary>
    [ConfigMember("core_scheduling", Help = "Which vCPUs may share a host core")]
    public CoreScheduling CoreScheduling { get; init; }

    /// <summary>The processor that the guest sees.</summary>
    [ConfigMember("profile", Help = "Processor model for the guest")]
    public CpuProfile Profile { get; init; }

    /// <summary><see cref="MaxVcpus"/> with its default.</summary>
    public uint EffectiveMaxVcpus => MaxVcpus ?? BootVcpus;
}
