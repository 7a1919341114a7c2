using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Linux.Files;

namespace Plugvisor.Hypervisor.Kvm.Cpu;

/// <summary>
/// Brings new vCPUs to the state that firmware leaves: CPUID, MSRs, local APIC. FPU and XSAVE state are what KVM makes them, that after
/// INIT, which is what boot protocols ask for. One for a VM; what KVM supports is asked once.
/// </summary>
internal sealed unsafe class VcpuInitialization
{
    private const uint IA32_MISC_ENABLE = 0x1a0;
    private const ulong FastStrings = 1;

    private const uint IA32_MTRR_DEF_TYPE = 0x2ff;
    private const ulong WriteBack = 6;
    private const ulong MtrrEnable = 1 << 11;     // Without the fixed ranges (bit 10): they would say uncached for the first MiB.

    // Offsets in the xAPIC page (Intel SDM volume 3, table 11-1) and delivery modes in bits 10:8.
    private const int LocalInt0 = 0x350, LocalInt1 = 0x360;
    private const uint ModeMask = 7 << 8, ModeNmi = 4 << 8, ModeExternal = 7 << 8;

    // struct kvm_cpuid2: a count, padding, the entries.
    private const int CpuidHeader = 8;
    private const int CpuidBytes = CpuidHeader + (CpuidTable.Capacity * KvmCpuidEntry.Bytes);

    private readonly KvmCpuidEntry[] _supported;
    private readonly bool _tscDeadline;

    internal VcpuInitialization(FileDescriptor device)
    {
        byte* buffer = stackalloc byte[CpuidBytes];
        uint* count = (uint*)buffer;
        KvmCpuidEntry* entries = (KvmCpuidEntry*)(buffer + CpuidHeader);
        *count = CpuidTable.Capacity;
        KvmIoctl.Require(device.Value, KvmRequest.KVM_GET_SUPPORTED_CPUID, buffer, "to say what CPUID it supports (KVM_GET_SUPPORTED_CPUID)");
        _supported = new KvmCpuidEntry[*count];
        for (int i = 0; i < _supported.Length; i++) _supported[i] = entries[i];
        _tscDeadline = KvmIoctl.Call(device.Value, KvmRequest.KVM_CHECK_EXTENSION, KvmCapability.KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    }

    /// <summary>Applies it all to one vCPU.</summary>
    internal void Apply(int vcpu, uint apicId, in VcpuSetup setup)
    {
        SetCpuid(vcpu, apicId, setup);
        SetMsrs(vcpu);
        SetLocalApic(vcpu);
    }

    private void SetCpuid(int vcpu, uint apicId, in VcpuSetup setup)
    {
        var table = new CpuidTable(_supported);
        CpuidFeatures.Apply(table, setup, _tscDeadline);
        CpuidTopology.Apply(table, apicId, setup.Topology);
        byte* buffer = stackalloc byte[CpuidBytes];
        uint* count = (uint*)buffer;
        KvmCpuidEntry* entries = (KvmCpuidEntry*)(buffer + CpuidHeader);
        *count = (uint)table.Count;
        for (int i = 0; i < table.Count; i++) entries[i] = table.Entries[i];
        KvmIoctl.Require(vcpu, KvmRequest.KVM_SET_CPUID2, buffer, "the CPUID leaves (KVM_SET_CPUID2)");
    }

    private static void SetMsrs(int vcpu)
    {
        // KVM sets bits of MISC_ENABLE that say what it does not emulate; keep them.
        KvmMsrs msrs = default;
        msrs.Count = 1;
        msrs.Entry0.Index = IA32_MISC_ENABLE;
        ulong miscEnable = KvmIoctl.Require(vcpu, KvmRequest.KVM_GET_MSRS, &msrs, "KVM_GET_MSRS") == 1 ? msrs.Entry0.Data : 0;

        msrs.Count = 2;
        msrs.Entry0 = new KvmMsrEntry { Index = IA32_MTRR_DEF_TYPE, Data = MtrrEnable | WriteBack };
        msrs.Entry1 = new KvmMsrEntry { Index = IA32_MISC_ENABLE, Data = miscEnable | FastStrings };
        int done = KvmIoctl.Require(vcpu, KvmRequest.KVM_SET_MSRS, &msrs, "KVM_SET_MSRS");
        if (done != msrs.Count) throw new HypervisorException($"KVM refuses MSR 0x{(done == 0 ? msrs.Entry0 : msrs.Entry1).Index:x} (KVM_SET_MSRS)");
    }

    private static void SetLocalApic(int vcpu)
    {
        KvmLapicState lapic = default;
        KvmIoctl.Require(vcpu, KvmRequest.KVM_GET_LAPIC, &lapic, "KVM_GET_LAPIC");
        uint* int0 = &lapic.Registers[LocalInt0 / sizeof(uint)];
        uint* int1 = &lapic.Registers[LocalInt1 / sizeof(uint)];
        *int0 = (*int0 & ~ModeMask) | ModeExternal;
        *int1 = (*int1 & ~ModeMask) | ModeNmi;
        KvmIoctl.Require(vcpu, KvmRequest.KVM_SET_LAPIC, &lapic, "KVM_SET_LAPIC");
    }
}
