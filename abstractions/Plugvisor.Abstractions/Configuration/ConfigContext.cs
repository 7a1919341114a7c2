namespace Plugvisor.Abstractions.Configuration;

/// <summary>What a device's config is checked against besides itself.</summary>
public sealed class ConfigContext
{
    /// <summary>vCPUs that exist at boot.</summary>
    public int BootVcpus { get; init; } = 1;

    /// <summary>Guest RAM in bytes.</summary>
    public ulong MemorySize { get; init; }

    /// <summary>Whether another process can map guest RAM (shared or huge pages).</summary>
    public bool SharedMemory { get; init; }
}
