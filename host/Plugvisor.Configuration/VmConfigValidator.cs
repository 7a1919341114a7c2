using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Platform;

namespace Plugvisor.Configuration;

/// <summary>Checks what a declaration cannot say about the host's own parts. The texts are the API's (they reach clients).</summary>
internal static class VmConfigValidator
{
    private const uint MaxVcpus = 8192;

    public static void Check(VmConfig config)
    {
        CheckPayload(config);
        CheckDeclared(config);
        CheckCpus(config.Cpus);
        CheckMemory(config.Memory);
        CheckConsole(config.Serial.Mode, config.Serial.File, config.Serial.Socket);
        CheckConsole(config.DebugConsole.Mode, config.DebugConsole.File, config.DebugConsole.Socket);
        foreach (RateLimitGroupConfig group in config.RateLimitGroups)
        {
            if (group.RateLimiterConfig is { Bandwidth: null, Ops: null }) throw Error("Invalid rate-limiter group");
        }

        MachineConfigValidator.Check(config);
    }

    /// <summary>Refuses what makes sense and has no implementation yet. To be called last: what makes no sense is the better message.</summary>
    public static void RefuseWhatIsMissing(VmConfig config)
    {
        MachineConfigValidator.RefuseWhatIsMissing(config);
        if (config.Unserved.Count > 0)
            throw Error($"`{config.Unserved[0]}` is not there yet: no plugin that was found serves it, and neither does the host");
    }

    /// <summary>Checks where a device is to be.</summary>
    public static void CheckPlacement(DeviceSpec device, PlatformConfig platform)
    {
        bool behindIommu = device.Config.TryGetProperty("iommu"u8, out JsonElement iommu) && iommu.ValueKind == JsonValueKind.True;
        if (behindIommu && !device.Schema.Declaration.SupportsIommu) throw Error("Device does not support being placed behind IOMMU");
        ushort segment = device.Config.TryGetProperty("pci_segment"u8, out JsonElement number) ? number.GetUInt16() : (ushort)0;
        if (segment >= platform.NumPciSegments) throw Error($"Invalid PCI segment id: {segment}");
        if (platform.IommuSegments is { } segments)
        {
            foreach (ushort translated in segments)
            {
                if (translated == segment && !behindIommu) throw Error($"Device is on an IOMMU PCI segment ({segment}) but not placed behind IOMMU");
            }
        }

        if (behindIommu) throw Error($"device {device.Id ?? device.Kind}: the virtual IOMMU is not there yet: use iommu=off");
    }

    /// <summary>Checks the limits that the sections' declarations say.</summary>
    private static void CheckDeclared(VmConfig config)
    {
        ConfigContext context = config.Context;
        foreach (HostSection section in HostSections.All)
        {
            if (config.Given(section) is not { } json || section.Schema is not { } schema) continue;
            if (section.Shape == HostSectionShape.Object && schema.Check(json, context) is { } error) throw Error(error);
            if (section.Shape != HostSectionShape.List) continue;
            foreach (JsonElement item in json.EnumerateArray())
            {
                if (schema.Check(item, context) is { } itemError) throw Error(itemError);
            }
        }
    }

    private static void CheckPayload(VmConfig config)
    {
        if (config.Payload is { Kernel: not null, Firmware: not null })
            throw NotBootable("Both kernel and firmware are given: give one of them");
        if (config.Payload is null or { Kernel: null, Firmware: null }) throw NotBootable("No bootitem provided: neither firmware nor kernel");
    }

    private static void CheckCpus(CpusConfig cpus)
    {
        uint max = cpus.EffectiveMaxVcpus;
        if (cpus.BootVcpus == 0) throw Error("There must be at least one boot vCPU");
        if (max < cpus.BootVcpus) throw Error($"Max CPUs ({max}) lower than boot CPUs ({cpus.BootVcpus})");
        if (max > MaxVcpus) throw Error($"Too many CPUs: specified {max} but {MaxVcpus} is the limit");
        if (cpus.KvmHyperv) throw Error("Hyper-V enlightenments are not there yet: use kvm_hyperv=off");
        foreach (CpuAffinityConfig entry in cpus.Affinity ?? [])
        {
            if (entry.Vcpu >= max) throw Error($"affinity names vCPU {entry.Vcpu}, but there are {max}");
        }

        if (cpus.Topology is not { } t) return;
        if (t.ThreadsPerCore == 0 || t.CoresPerDie == 0 || t.DiesPerPackage == 0 || t.Packages == 0)
            throw Error("No part of the CPU topology can be zero");
        if (t.ThreadsPerCore > 2) throw Error("CPU topology supports at most 2 threads per core");
        if ((ulong)t.ThreadsPerCore * t.CoresPerDie * t.DiesPerPackage * t.Packages != max)
            throw Error("Product of CPU topology parts does not match maximum vCPU");
    }

    private static void CheckMemory(MemoryConfig memory)
    {
        if (memory is { Shared: true, Mergeable: true }) throw Error("Invalid to set both 'mergeable' and 'shared' for memory");
        if (memory is { HugePageSize: not null, HugePages: false }) throw Error("Huge page size specified but huge pages not enabled");
        if (memory.HugePageSize is { } size && !ulong.IsPow2(size)) throw Error($"Huge page size is not power of 2: {size}");
        if (memory is { HotplugMethod: HotplugMethod.VirtioMem, HotplugSize: not null })
            throw Error("virtio-mem is not there yet: use hotplug_method=acpi");
        if (memory.HotplugSize == 0) throw Error("Memory hotplug size is 0");
        if (memory.HotpluggedSize is not null) throw Error("Memory that is hot-plugged from the start is not there yet: leave out hotplugged_size");
    }

    private static void CheckConsole(ConsoleMode mode, string? file, string? socket)
    {
        if (mode == ConsoleMode.File && string.IsNullOrEmpty(file)) throw Error("Path missing when using file console mode");
        if (mode == ConsoleMode.Socket && string.IsNullOrEmpty(socket)) throw Error("Path missing when using socket console mode");
    }

    private static ConfigException NotBootable(string why) =>
        new("Payload configuration is not bootable", new ConfigException(why));

    private static ConfigException Error(string message) => new(message);
}
