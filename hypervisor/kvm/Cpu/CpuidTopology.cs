using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Hypervisor.Kvm.Cpu;

/// <summary>
/// CPUID leaves that say where a vCPU is among the others: Intel SDM volume 2A, CPUID, leaves 1, 4, 0xB, 0x1F; AMD APM volume 3,
/// appendix E, functions 0x80000001, 0x80000008, 0x8000001D, 0x8000001E. KVM reports those of the host's CPU it was asked on.
/// </summary>
internal static class CpuidTopology
{
    private const uint Threads = 0x1, Caches = 0x4, ExtendedTopology = 0xb, ExtendedTopologyV2 = 0x1f;
    private const uint AmdFeatures = 0x8000_0001, AmdSizes = 0x8000_0008, AmdCaches = 0x8000_001d, AmdTopology = 0x8000_001e;

    private const uint HyperThreading = 1u << 28;      // leaf 1 EDX: the package has several logical processors
    private const uint CoreLegacy = 1u << 1;           // leaf 0x80000001 ECX: they are cores

    private const uint LevelThread = 1, LevelCore = 2, LevelDie = 5;

    /// <summary>Writes them.</summary>
    /// <param name="table">The vCPU's leaves.</param>
    /// <param name="apicId">Its APIC id.</param>
    /// <param name="topology">The machine's arrangement; null for packages of one core.</param>
    public static void Apply(CpuidTable table, uint apicId, CpuTopology? topology)
    {
        topology ??= new CpuTopology(1, 1, 1, 1);
        uint perPackage = (uint)topology.ThreadsPerCore * topology.CoresPerDie * topology.DiesPerPackage;

        ref KvmCpuidEntry basic = ref table.Leaf(Threads);
        basic.Ebx = (basic.Ebx & 0x0000_ffff) | (Math.Min(perPackage, 255) << 16) | (apicId << 24);
        basic.Edx = perPackage > 1 ? basic.Edx | HyperThreading : basic.Edx & ~HyperThreading;

        if (table.MaxBasic >= Caches) IntelCaches(table, topology);
        if (table.MaxBasic >= ExtendedTopology)
        {
            table.Remove(ExtendedTopology);
            Level(table, ExtendedTopology, 0, LevelThread, ApicIds.CoreShift(topology), topology.ThreadsPerCore, apicId);
            Level(table, ExtendedTopology, 1, LevelCore, ApicIds.PackageShift(topology), perPackage, apicId);
        }

        if (table.IsAmd) Amd(table, apicId, topology, perPackage);
        else if (table.MaxBasic >= ExtendedTopology && (table.MaxBasic >= ExtendedTopologyV2 || topology.DiesPerPackage > 1)) Dies(table, apicId, topology, perPackage);
    }

    private static void Dies(CpuidTable table, uint apicId, CpuTopology topology, uint perPackage)
    {
        ref KvmCpuidEntry highest = ref table.Leaf(0);
        highest.Eax = Math.Max(highest.Eax, ExtendedTopologyV2);
        table.Remove(ExtendedTopologyV2);
        Level(table, ExtendedTopologyV2, 0, LevelThread, ApicIds.CoreShift(topology), topology.ThreadsPerCore, apicId);
        Level(table, ExtendedTopologyV2, 1, LevelCore, ApicIds.DieShift(topology), (uint)topology.ThreadsPerCore * topology.CoresPerDie, apicId);
        Level(table, ExtendedTopologyV2, 2, LevelDie, ApicIds.PackageShift(topology), perPackage, apicId);
    }

    private static void Level(CpuidTable table, uint leaf, uint index, uint type, int shift, uint processors, uint apicId)
    {
        ref KvmCpuidEntry entry = ref table.Leaf(leaf, index, indexed: true);
        entry.Eax = (uint)shift;
        entry.Ebx = processors;
        entry.Ecx = index | (type << 8);
        entry.Edx = apicId;
    }

    private static void IntelCaches(CpuidTable table, CpuTopology topology)
    {
        uint cores = (1u << (ApicIds.PackageShift(topology) - ApicIds.CoreShift(topology))) - 1;
        table.ForEach(Caches, (ref entry) =>
        {
            if ((entry.Eax & 0x1f) == 0) return;   // no cache: the end of the list, or a processor that does not use this leaf
            entry.Eax = (entry.Eax & 0x3fff) | (Sharing(entry.Eax, topology) << 14) | (Math.Min(cores, 63) << 26);
        });
    }

    private static void Amd(CpuidTable table, uint apicId, CpuTopology topology, uint perPackage)
    {
        if (table.MaxExtended >= AmdFeatures)
        {
            ref KvmCpuidEntry features = ref table.Leaf(AmdFeatures);
            features.Ecx = perPackage > 1 ? features.Ecx | CoreLegacy : features.Ecx & ~CoreLegacy;
        }

        if (table.MaxExtended >= AmdSizes)
        {
            ref KvmCpuidEntry sizes = ref table.Leaf(AmdSizes);
            sizes.Ecx = (sizes.Ecx & 0xffff_0f00) | (Math.Min(perPackage, 256) - 1) | ((uint)ApicIds.PackageShift(topology) << 12);
        }

        if (table.MaxExtended >= AmdCaches)
        {
            table.ForEach(AmdCaches, (ref entry) =>
            {
                if ((entry.Eax & 0x1f) != 0) entry.Eax = (entry.Eax & 0xfc00_3fff) | (Sharing(entry.Eax, topology) << 14);
            });
        }

        if (table.MaxExtended >= AmdTopology)
        {
            ref KvmCpuidEntry place = ref table.Leaf(AmdTopology);
            uint die = ((apicId >> ApicIds.PackageShift(topology)) * topology.DiesPerPackage)
                + ((apicId >> ApicIds.DieShift(topology)) & ((1u << (ApicIds.PackageShift(topology) - ApicIds.DieShift(topology))) - 1));
            place.Eax = apicId;
            place.Ebx = (((uint)topology.ThreadsPerCore - 1) << 8) | ((apicId >> ApicIds.CoreShift(topology)) & 0xff);
            place.Ecx = (Math.Min((uint)topology.DiesPerPackage - 1, 7) << 8) | (die & 0xff);
            place.Edx = 0;
        }
    }

    /// <summary>Ids that share a cache, minus one: a core's threads for levels 1 and 2, a die for what is further out.</summary>
    private static uint Sharing(uint eax, CpuTopology topology)
    {
        uint level = (eax >> 5) & 7;
        return Math.Min((1u << (level <= 2 ? ApicIds.CoreShift(topology) : ApicIds.DieShift(topology))) - 1, 0xfff);
    }
}
