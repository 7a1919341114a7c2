using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Payload;
using Plugvisor.Configuration.Platform;

namespace Plugvisor.Configuration;

/// <summary>
/// A VM's whole configuration: the host's own parts, typed, and the devices as their plugins declare them. Immutable; a change is a new one.
/// </summary>
public sealed record VmConfig
{
    /// <summary>vCPUs.</summary>
    public CpusConfig Cpus { get; init; } = new();

    /// <summary>Guest RAM.</summary>
    public MemoryConfig Memory { get; init; } = new();

    /// <summary>What to boot, or null.</summary>
    public PayloadConfig? Payload { get; init; }

    /// <summary>What the guest reads about its machine.</summary>
    public PlatformConfig Platform { get; init; } = new();

    /// <summary>The serial port.</summary>
    public SerialConfig Serial { get; init; } = new();

    /// <summary>The debug console.</summary>
    public DebugConsoleConfig DebugConsole { get; init; } = new();

    /// <summary>Rate limiters that devices share.</summary>
    public IReadOnlyList<RateLimitGroupConfig> RateLimitGroups { get; init; } = [];

    /// <summary>Devices of plugins, in the order in which they get their slots.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; init; } = [];
}
