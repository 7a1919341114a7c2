using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>Processor features that are off unless asked for.</summary>
[ConfigObject]
public sealed partial class CpuFeaturesConfig
{
    /// <summary>AMX tiles.</summary>
    [ConfigMember("amx", Help = "AMX tiles")]
    public bool Amx { get; init; }
}
