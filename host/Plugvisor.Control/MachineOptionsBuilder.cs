using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Platform;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Legacy;
using Plugvisor.Machine.Memory;
using Plugvisor.Machine.Vcpus;
using Plugvisor.Machine.Smbios;

namespace Plugvisor.Control;

/// <summary>Turns a configuration into what the machine needs to know.</summary>
internal static class MachineOptionsBuilder
{
    public static MachineOptions From(VmConfig config)
    {
        CpusConfig cpus = config.Cpus;
        MemoryConfig memory = config.Memory;
        return new MachineOptions
        {
            BootVcpus = cpus.BootVcpus,
            MaxVcpus = cpus.EffectiveMaxVcpus,
            Topology = cpus.Topology is { } t ? new CpuTopology(t.ThreadsPerCore, t.CoresPerDie, t.DiesPerPackage, t.Packages) : null,
            MaxPhysicalAddressBits = cpus.MaxPhysBits,
            NestedVirtualization = cpus.Nested,
            Amx = cpus.Features?.Amx ?? false,
            Affinity = Affinity(cpus),
            CoreSharing = cpus.CoreScheduling switch
            {
                CoreScheduling.Vm => CoreSharing.WithinVm,
                CoreScheduling.Vcpu => CoreSharing.Never,
                _ => CoreSharing.Anything,
            },
            MemorySize = memory.Size,
            HotplugSize = memory.HotplugSize ?? 0,
            AcpiMemoryHotplug = memory.HotplugMethod == HotplugMethod.Acpi,
            Ram = new GuestRamOptions(
                memory.Shared, memory.HugePages, memory.HugePageSize, memory.Prefault, memory.TransparentHugePages, memory.Mergeable,
                memory.Reserve),
            Payload = new Payload(config.Payload?.Kernel, config.Payload?.Firmware, config.Payload?.Initramfs, config.Payload?.Cmdline),
            Smbios = Smbios(config.Platform),
            DebugConsolePort = config.DebugConsole.Mode == ConsoleMode.Off ? null : config.DebugConsole.Iobase ?? PortSink.DebugConsolePort,
        };
    }

    private static SmbiosOptions Smbios(PlatformConfig platform) => new()
    {
        SystemManufacturer = platform.SystemManufacturer,
        SystemProductName = platform.SystemProductName,
        SystemVersion = platform.SystemVersion,
        SystemSerialNumber = platform.SystemSerialNumber ?? platform.SerialNumber,
        SystemUuid = platform.SystemUuid ?? platform.Uuid,
        SystemSkuNumber = platform.SystemSkuNumber,
        SystemFamily = platform.SystemFamily,
        ChassisAssetTag = platform.ChassisAssetTag,
        OemStrings = platform.OemStrings ?? [],
    };

    private static Dictionary<int, int[]> Affinity(CpusConfig cpus)
    {
        var affinity = new Dictionary<int, int[]>();
        foreach (CpuAffinityConfig entry in cpus.Affinity ?? []) affinity[(int)entry.Vcpu] = [.. entry.HostCpus];
        return affinity;
    }
}
