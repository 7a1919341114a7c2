using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Hypervisor.Kvm.Cpu;

/// <summary>
/// What of KVM's supported features the guest sees (Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E; Linux,
/// Documentation/virt/kvm/x86/cpuid.rst for the hypervisor leaves, which KVM fills).
/// </summary>
internal static class CpuidFeatures
{
    // Leaf 1 ECX.
    private const uint Vmx = 1u << 5, X2Apic = 1u << 21, TscDeadline = 1u << 24, OsXsave = 1u << 27, InHypervisor = 1u << 31;

    // Leaf 7.0: SGX needs memory sections that this machine has not; AMX.
    private const uint Sgx = 1u << 2, SgxLaunch = 1u << 30;
    private const uint AmxBf16 = 1u << 22, AmxTile = 1u << 24, AmxInt8 = 1u << 25;

    private const uint AmxFp16 = 1u << 21;                  // leaf 7.1 EAX
    private const uint AmxComplex = 1u << 8;                // leaf 7.1 EDX
    private const uint TileConfigAndData = 3u << 17;        // leaf 0xD.0 EAX, the state components
    private const uint Svm = 1u << 2;                       // leaf 0x80000001 ECX

    /// <summary>Writes them.</summary>
    /// <param name="table">The vCPU's leaves.</param>
    /// <param name="setup">The machine.</param>
    /// <param name="tscDeadline">Whether KVM's local APIC has the TSC-deadline timer; older kernels say so only by a capability.</param>
    public static void Apply(CpuidTable table, in VcpuSetup setup, bool tscDeadline)
    {
        ref KvmCpuidEntry basic = ref table.Leaf(1);
        basic.Ecx |= X2Apic | InHypervisor;
        if (tscDeadline) basic.Ecx |= TscDeadline;
        basic.Ecx &= ~OsXsave;   // follows CR4, kept by KVM
        if (!setup.NestedVirtualization) basic.Ecx &= ~Vmx;

        if (table.Has(7))
        {
            ref KvmCpuidEntry extended = ref table.Leaf(7);
            extended.Ebx &= ~Sgx;
            extended.Ecx &= ~SgxLaunch;
        }

        table.Remove(0x12);
        if (!setup.Amx) HideAmx(table);

        if (table.MaxExtended >= 0x8000_0001 && !setup.NestedVirtualization)
        {
            table.Leaf(0x8000_0001).Ecx &= ~Svm;
            table.Remove(0x8000_000a);
        }

        if (table.MaxExtended >= 0x8000_0008)
        {
            ref KvmCpuidEntry sizes = ref table.Leaf(0x8000_0008);
            // Bits 23:16, another width for nested guests' tables, would contradict a narrower machine.
            sizes.Eax = (sizes.Eax & 0xff00_ff00) | setup.PhysicalAddressBits;
        }
    }

    private static void HideAmx(CpuidTable table)
    {
        if (table.Has(7)) table.Leaf(7).Edx &= ~(AmxBf16 | AmxTile | AmxInt8);
        if (table.Has(7, 1))
        {
            ref KvmCpuidEntry more = ref table.Leaf(7, 1);
            more.Eax &= ~AmxFp16;
            more.Edx &= ~AmxComplex;
        }

        if (table.Has(0xd)) table.Leaf(0xd).Eax &= ~TileConfigAndData;
        table.Remove(0x1d);
        table.Remove(0x1e);
    }
}
