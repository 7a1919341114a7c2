namespace Plugvisor.Hypervisor.X86;

/// <summary>What a vCPU has to know of the machine for its CPUID leaves and MSRs.</summary>
/// <param name="VcpuCount">The most vCPUs that the machine can have (<c>max</c>).</param>
/// <param name="PhysicalAddressBits">Width of guest-physical addresses.</param>
/// <param name="Topology">How the vCPUs are arranged; null for packages of one core with one thread.</param>
/// <param name="NestedVirtualization">Whether the guest sees VMX or SVM.</param>
/// <param name="Amx">Whether the guest sees AMX tiles.</param>
public readonly record struct VcpuSetup(
    uint VcpuCount, byte PhysicalAddressBits, CpuTopology? Topology, bool NestedVirtualization = true, bool Amx = false);
