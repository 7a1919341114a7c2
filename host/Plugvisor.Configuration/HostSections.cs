using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Numa;
using Plugvisor.Configuration.Payload;
using Plugvisor.Configuration.Pci;
using Plugvisor.Configuration.Platform;
using Plugvisor.Configuration.Sandbox;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>
/// The host's own members of VmConfig (interface reference section 2.1), declared and read by the same machinery as the devices of plugins.
/// </summary>
public static class HostSections
{
    /// <summary>vCPUs.</summary>
    public static HostSection Cpus { get; } = new(
        "cpus", HostSectionShape.Object, """{"boot_vcpus":1,"max_vcpus":1}""", static () => Declared("cpus", CpusConfig.SchemaJson));

    /// <summary>Guest RAM.</summary>
    public static HostSection Memory { get; } = new(
        "memory", HostSectionShape.Object, """{"size":536870912}""", static () => Declared("memory", MemoryConfig.SchemaJson));

    /// <summary>What to boot.</summary>
    public static HostSection Payload { get; } = new(
        "payload", HostSectionShape.Object, null, static () => Declared("payload", PayloadConfig.SchemaJson));

    /// <summary>Rate limiters that devices share.</summary>
    public static HostSection RateLimitGroups { get; } = new(
        "rate_limit_groups", HostSectionShape.List, null, static () => Declared("rate-limit-group", RateLimitGroupConfig.SchemaJson));

    /// <summary>The serial port.</summary>
    public static HostSection Serial { get; } = new(
        "serial", HostSectionShape.Object, """{"mode":"Null"}""", static () => Declared("serial", SerialConfig.SchemaJson));

    /// <summary>The debug console.</summary>
    public static HostSection DebugConsole { get; } = new(
        "debug_console", HostSectionShape.Object, """{"mode":"Off","iobase":233}""",
        static () => Declared("debug-console", DebugConsoleConfig.SchemaJson));

    /// <summary>What the guest reads about its machine.</summary>
    public static HostSection Platform { get; } = new(
        "platform", HostSectionShape.Object, null, static () => Declared("platform", PlatformConfig.SchemaJson));

    /// <summary>Shares of PCI segments.</summary>
    public static HostSection PciSegments { get; } = new(
        "pci_segments", HostSectionShape.List, null, static () => Declared("pci-segment", PciSegmentConfig.SchemaJson));

    /// <summary>NUMA nodes of the guest.</summary>
    public static HostSection Numa { get; } = new("numa", HostSectionShape.List, null, static () => Declared("numa", NumaConfig.SchemaJson));

    /// <summary>The virtual IOMMU is there, whoever needs it.</summary>
    public static HostSection Iommu { get; } = new("iommu", HostSectionShape.Toggle, "false", null);

    /// <summary>A TPM.</summary>
    public static HostSection Tpm { get; } = new("tpm", HostSectionShape.Object, null, static () => Declared("tpm", TpmConfig.SchemaJson));

    /// <summary>The VMM sandboxes itself with Landlock.</summary>
    public static HostSection LandlockEnable { get; } = new("landlock_enable", HostSectionShape.Toggle, "false", null);

    /// <summary>What it may use then, besides what the configuration names.</summary>
    public static HostSection LandlockRules { get; } = new(
        "landlock_rules", HostSectionShape.List, null, static () => Declared("landlock-rules", LandlockConfig.SchemaJson));

    /// <summary>All of them, in the order in which they are shown.</summary>
    public static IReadOnlyList<HostSection> All { get; } =
    [
        Cpus, Memory, Payload, RateLimitGroups, Serial, DebugConsole, Iommu, Numa, PciSegments, Platform, Tpm, LandlockEnable, LandlockRules,
    ];

    /// <summary>The section of a name, or null.</summary>
    public static HostSection? Find(string name)
    {
        foreach (HostSection section in All)
        {
            if (section.Name == name) return section;
        }

        return null;
    }

    private static ConfigSchema Declared(string option, string json) => new(option, ObjectDeclaration.Parse(json));
}
