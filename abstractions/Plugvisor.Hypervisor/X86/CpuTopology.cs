namespace Plugvisor.Hypervisor.X86;

/// <summary>Arrangement of vCPUs, outermost last. APIC ids follow it, each level rounded up to a power of two.</summary>
/// <param name="ThreadsPerCore">1 or 2.</param>
/// <param name="CoresPerDie">At least 1.</param>
/// <param name="DiesPerPackage">At least 1.</param>
/// <param name="Packages">At least 1.</param>
public sealed record CpuTopology(ushort ThreadsPerCore, ushort CoresPerDie, ushort DiesPerPackage, ushort Packages);
