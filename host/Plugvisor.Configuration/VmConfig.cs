using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Numa;
using Plugvisor.Configuration.Payload;
using Plugvisor.Configuration.Pci;
using Plugvisor.Configuration.Platform;
using Plugvisor.Configuration.Sandbox;

namespace Plugvisor.Configuration;

/// <summary>
/// A VM's whole configuration: the host's own sections and the devices as their plugins declare them. It has the right shape; whether it
/// makes sense is found out before boot (<see cref="VmConfigPlan"/>). Immutable, any thread; a change is a new one.
/// </summary>
public sealed class VmConfig
{
    private readonly IReadOnlyList<GivenSection> _sections;

    internal VmConfig(IReadOnlyList<GivenSection> sections, IReadOnlyList<DeviceSpec> devices, IReadOnlyList<string> unserved)
    {
        _sections = sections;
        Devices = devices;
        Unserved = unserved;
    }

    /// <summary>Devices of plugins, in the order in which they were given.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; }

    /// <summary>Names of the sections that were given and that neither the host nor a plugin serves, though the interface knows them.</summary>
    public IReadOnlyList<string> Unserved { get; }

    /// <summary>vCPUs.</summary>
    public CpusConfig Cpus => field ??= Given(HostSections.Cpus) is { } json ? CpusConfig.From(json) : new() { BootVcpus = 1 };

    /// <summary>Guest RAM.</summary>
    public MemoryConfig Memory => field ??= Given(HostSections.Memory) is { } json ? MemoryConfig.From(json) : new() { Size = 512 << 20 };

    /// <summary>What to boot, or null.</summary>
    public PayloadConfig? Payload => field ??= Given(HostSections.Payload) is { } json ? PayloadConfig.From(json) : null;

    /// <summary>What the guest reads about its machine.</summary>
    public PlatformConfig Platform => field ??= Given(HostSections.Platform) is { } json ? PlatformConfig.From(json) : new();

    /// <summary>The serial port.</summary>
    public SerialConfig Serial => field ??= Given(HostSections.Serial) is { } json ? SerialConfig.From(json) : new();

    /// <summary>The debug console.</summary>
    public DebugConsoleConfig DebugConsole => field ??= Given(HostSections.DebugConsole) is { } json ? DebugConsoleConfig.From(json) : new();

    /// <summary>Rate limiters that devices share.</summary>
    public IReadOnlyList<RateLimitGroupConfig> RateLimitGroups => field ??= List(HostSections.RateLimitGroups, RateLimitGroupConfig.From);

    /// <summary>NUMA nodes of the guest.</summary>
    public IReadOnlyList<NumaConfig> Numa => field ??= List(HostSections.Numa, NumaConfig.From);

    /// <summary>Shares of PCI segments.</summary>
    public IReadOnlyList<PciSegmentConfig> PciSegments => field ??= List(HostSections.PciSegments, PciSegmentConfig.From);

    /// <summary>What the VMM may use when it is sandboxed.</summary>
    public IReadOnlyList<LandlockConfig> LandlockRules => field ??= List(HostSections.LandlockRules, LandlockConfig.From);

    /// <summary>Whether the VMM sandboxes itself.</summary>
    public bool LandlockEnable => Given(HostSections.LandlockEnable) is { ValueKind: JsonValueKind.True };

    /// <summary>Whether there is a virtual IOMMU even if no device asks for it.</summary>
    public bool Iommu => Given(HostSections.Iommu) is { ValueKind: JsonValueKind.True };

    /// <summary>The TPM, or null.</summary>
    public TpmConfig? Tpm => field ??= Given(HostSections.Tpm) is { } json ? TpmConfig.From(json) : null;

    /// <summary>What a device's config is checked against besides itself.</summary>
    public ConfigContext Context => new()
    {
        BootVcpus = (int)Cpus.BootVcpus, MemorySize = TotalMemory(), SharedMemory = IsShared(),
    };

    /// <summary>A host section as it was given, in normal form, or null.</summary>
    public JsonElement? Given(HostSection section)
    {
        foreach (GivenSection given in _sections)
        {
            if (given.Section == section) return given.Json;
        }

        return null;
    }

    /// <summary>The same with another host section.</summary>
    /// <param name="section">Which.</param>
    /// <param name="json">Its value in normal form.</param>
    public VmConfig With(HostSection section, JsonElement json)
    {
        var sections = new List<GivenSection>(_sections);
        sections.RemoveAll(given => given.Section == section);
        sections.Add(new GivenSection(section, json));
        return new VmConfig(sections, Devices, Unserved);
    }

    /// <summary>The same with other devices.</summary>
    public VmConfig With(IReadOnlyList<DeviceSpec> devices) => new(_sections, devices, Unserved);

    private List<T> List<T>(HostSection section, Func<JsonElement, T> read)
        where T : class
    {
        var items = new List<T>();
        if (Given(section) is not { } json) return items;
        foreach (JsonElement item in json.EnumerateArray()) items.Add(read(item));
        return items;
    }

    /// <summary>Whether all of guest RAM can be mapped by other processes.</summary>
    private bool IsShared()
    {
        if (Memory.Size != 0 || Memory.Zones is not { Count: > 0 } zones) return Memory.Shared || Memory.HugePages;
        foreach (MemoryZoneConfig zone in zones)
        {
            if (!zone.Shared && !zone.HugePages) return false;
        }

        return true;
    }

    private ulong TotalMemory()
    {
        ulong size = Memory.Size;
        foreach (MemoryZoneConfig zone in Memory.Zones ?? []) size += zone.Size;
        return size;
    }
}
