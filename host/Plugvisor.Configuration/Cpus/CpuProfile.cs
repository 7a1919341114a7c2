using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Cpus;

/// <summary>The processor that the guest sees.</summary>
public enum CpuProfile
{
    /// <summary>The host's.</summary>
    [ConfigValue("Host")]
    Host,
}
