using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Numa;
using Plugvisor.Configuration.Pci;
using Plugvisor.Configuration.Platform;
using Plugvisor.Configuration.Sandbox;

namespace Plugvisor.Configuration;

/// <summary>
/// Checks the sections that place things: memory zones, NUMA nodes, PCI segments, the sandbox. The texts are the API's (interface reference
/// section 2.6). What makes sense and has no implementation yet is refused after everything that makes none.
/// </summary>
internal static class MachineConfigValidator
{
    private const int MaxSegments = 96;

    /// <summary>Checks all of it.</summary>
    /// <exception cref="ConfigException">The first thing that is wrong.</exception>
    public static void Check(VmConfig config)
    {
        IReadOnlyList<MemoryZoneConfig> zones = config.Memory.Zones ?? [];
        foreach (MemoryZoneConfig zone in zones) CheckZone(zone, config.Memory);
        if (zones.Count > 0 && config.Memory.Size != 0) throw Error("Memory size must be 0 when memory zones are given");
        if (zones.Count == 0 && config.Memory.Size == 0) throw Error("Memory size is 0 and there are no memory zones");

        CheckPlatform(config.Platform);
        CheckSegments(config);
        CheckNuma(config);
        foreach (LandlockConfig rule in config.LandlockRules) CheckLandlock(rule);
    }

    /// <summary>Refuses what makes sense and has no implementation yet.</summary>
    /// <exception cref="ConfigException">The first such thing.</exception>
    public static void RefuseWhatIsMissing(VmConfig config)
    {
        if (config.Memory.Zones is { Count: > 0 }) throw Missing("a memory zone", "give memory.size in their place");
        if (config.Numa.Count > 0) throw Missing("NUMA", "leave out numa");
        if (config.Platform.NumPciSegments != 1) throw Missing("a second PCI segment", "use num_pci_segments=1");
        if (config.PciSegments.Count > 0) throw Missing("dividing the device windows between PCI segments", "leave out pci_segments");
        if (config.Platform.IommuSegments is { Count: > 0 } || config.Iommu) throw Missing("the virtual IOMMU", "leave out iommu and iommu_segments");
        if (config.Platform.Iommufd) throw Missing("iommufd", "use iommufd=off");
        if (config.LandlockEnable) throw Missing("Landlock", "use landlock_enable=false");
        if (config.Tpm is not null) throw Missing("the TPM", "leave out tpm");
    }

    private static void CheckZone(MemoryZoneConfig zone, MemoryConfig memory)
    {
        if (zone is { Shared: true, Mergeable: true }) throw Error("Invalid to set both 'mergeable' and 'shared' for memory");
        if (zone is { HugePageSize: not null, HugePages: false }) throw Error("Huge page size specified but huge pages not enabled");
        if (zone.HugePageSize is { } size && !ulong.IsPow2(size)) throw Error($"Huge page size is not power of 2: {size}");
        if (zone is { Shared: true, File: not null, HostNumaNode: not null })
            throw Error($"Memory zone {zone.Id}: shared memory from a file cannot be taken from a NUMA node of the host");
        if (zone.File is { } file && Directory.Exists(file)) throw Error($"Memory zone {zone.Id}: {file} is a directory; give a file");
        if ((zone.HotplugSize is not null || zone.HotpluggedSize is not null) && memory.HotplugMethod != HotplugMethod.VirtioMem)
            throw Error($"Memory zone {zone.Id}: RAM can be added to a zone with hotplug_method VirtioMem only");
        if (zone.HotpluggedSize > (zone.HotplugSize ?? 0)) throw Error($"Memory zone {zone.Id}: hotplugged_size is greater than hotplug_size");
    }

    private static void CheckPlatform(PlatformConfig platform)
    {
        if (platform.NumPciSegments is < 1 or > MaxSegments)
            throw Error($"Number of PCI segments ({platform.NumPciSegments}) not in range of 1 to {MaxSegments}");
        // Enumerating a list of numbers is compiled at run time: only when there is one.
        if (platform.IommuSegments is { } segments)
        {
            foreach (ushort segment in segments)
            {
                if (segment >= platform.NumPciSegments) throw Error($"Invalid PCI segment id: {segment}");
            }
        }

        if ((platform.SystemUuid ?? platform.Uuid) is { } uuid && !Guid.TryParse(uuid, out _)) throw Error($"system_uuid {uuid} is not a UUID");
    }

    private static void CheckSegments(VmConfig config)
    {
        foreach (PciSegmentConfig segment in config.PciSegments)
        {
            if (segment.PciSegment >= config.Platform.NumPciSegments) throw Error($"Invalid PCI segment id: {segment.PciSegment}");
        }
    }

    private static void CheckNuma(VmConfig config)
    {
        if (config.Numa.Count == 0) return;
        var zones = new Dictionary<string, uint>(StringComparer.Ordinal);
        var segments = new Dictionary<ushort, uint>();
        foreach (NumaConfig node in config.Numa)
        {
            foreach (string zone in node.MemoryZones ?? [])
            {
                if (!zones.TryAdd(zone, node.GuestNumaId))
                    throw Error($"Memory zone: {zone} belongs to multiple NUMA nodes: {zones[zone]} and {node.GuestNumaId}");
            }

            foreach (ushort segment in node.PciSegments ?? [])
            {
                if (segment >= config.Platform.NumPciSegments) throw Error($"Invalid PCI segment id: {segment}");
                if (segment == 0 && node.GuestNumaId != 0) throw Error($"Default PCI segment assigned to non-zero NUMA node {node.GuestNumaId}");
                if (!segments.TryAdd(segment, node.GuestNumaId))
                    throw Error($"PCI segment: {segment} belongs to multiple NUMA nodes {segments[segment]} and {node.GuestNumaId}");
            }

            bool empty = node.Cpus is not { Count: > 0 } && node.MemoryZones is not { Count: > 0 } && node.PciSegments is not { Count: > 0 }
                && node.Distances is not { Count: > 0 } && node.DeviceId is null;
            if (empty) throw Error($"NUMA node {node.GuestNumaId} has no vCPUs, memory zones, PCI segments, distances or device");
            if (node.DeviceId is not null && (node.Cpus is { Count: > 0 } || node.MemoryZones is { Count: > 0 }))
                throw Error($"NUMA node {node.GuestNumaId}: a node with a device has no vCPUs and memory zones");
        }
    }

    private static void CheckLandlock(LandlockConfig rule)
    {
        if (!Path.Exists(rule.Path)) throw Error($"Path {rule.Path} provided in landlock-rules does not exist");
        if (rule.Access is not ("r" or "w" or "rw" or "wr")) throw Error($"Invalid landlock access: {rule.Access}");
    }

    private static ConfigException Missing(string what, string advice) => Error($"{what} is not there yet: {advice}");

    private static ConfigException Error(string message) => new(message);
}
