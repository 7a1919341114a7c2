using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Hypervisor.Kvm.Cpu;

/// <summary>Brings a new vCPU to the state that firmware leaves: CPUID, MSRs, local APIC, FPU.</summary>
internal static unsafe class VcpuInitialization
{
    /// <summary>Applies it all. On the thread that made the vCPU or runs it.</summary>
    internal static void Apply(int device, int vcpu, uint id, in VcpuSetup setup)
    {
        var cpuid = new KvmCpuidTable { Count = KvmCpuidTable.Capacity };
        KvmIoctl.Require(device, KvmRequest.KVM_GET_SUPPORTED_CPUID, ref cpuid, "KVM_GET_SUPPORTED_CPUID");
        for (int i = 0; i < cpuid.Count; i++)
        {
            ref KvmCpuidEntry entry = ref cpuid.Entries[i];
            if (entry.Function == 1) entry.Ebx = (entry.Ebx & 0x00ff_ffff) | (id << 24);
        }

        KvmIoctl.Require(vcpu, KvmRequest.KVM_SET_CPUID2, ref cpuid, "KVM_SET_CPUID2");
    }
}
