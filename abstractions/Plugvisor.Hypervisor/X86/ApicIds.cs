using System.Numerics;

namespace Plugvisor.Hypervisor.X86;

/// <summary>
/// APIC ids of vCPUs. With a topology each level (thread, core, die, package) has its own bit field, as wide as its count
/// needs, so that the guest can take an id apart (Intel SDM volume 3, 10.9 "Programming considerations for
/// hardware multi-threading"); without one, ids are the vCPU numbers.
/// </summary>
public static class ApicIds
{
    /// <summary>The id of vCPU <paramref name="index"/>; numbers run through threads first, packages last.</summary>
    public static uint Of(uint index, CpuTopology? topology)
    {
        if (topology is null) return index;
        uint thread = index % topology.ThreadsPerCore;
        index /= topology.ThreadsPerCore;
        uint core = index % topology.CoresPerDie;
        index /= topology.CoresPerDie;
        uint die = index % topology.DiesPerPackage;
        uint package = index / topology.DiesPerPackage;
        return thread | (core << CoreShift(topology)) | (die << DieShift(topology)) | (package << PackageShift(topology));
    }

    /// <summary>Bits below the core's number.</summary>
    public static int CoreShift(CpuTopology topology) => Width(topology.ThreadsPerCore);

    /// <summary>Bits below the die's number.</summary>
    public static int DieShift(CpuTopology topology) => CoreShift(topology) + Width(topology.CoresPerDie);

    /// <summary>Bits below the package's number.</summary>
    public static int PackageShift(CpuTopology topology) => DieShift(topology) + Width(topology.DiesPerPackage);

    private static int Width(uint count) => count <= 1 ? 0 : BitOperations.Log2(count - 1) + 1;
}
