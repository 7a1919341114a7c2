using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>struct kvm_userspace_memory_region.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMemoryRegion
{
    public const uint KVM_MEM_LOG_DIRTY_PAGES = 1;
    public const uint KVM_MEM_READONLY = 2;

    public uint Slot, Flags;
    public ulong GuestAddress, Size, HostAddress;
}

/// <summary>struct kvm_enable_cap.</summary>
[StructLayout(LayoutKind.Sequential, Size = 104)]
internal struct KvmEnableCap
{
    public uint Capability, Flags;
    public ulong Argument0;
}

/// <summary>struct kvm_irqfd.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct KvmIrqFd
{
    public const uint KVM_IRQFD_FLAG_DEASSIGN = 1;

    public uint Descriptor, Gsi, Flags, ResampleDescriptor;
}

/// <summary>struct kvm_ioeventfd.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct KvmIoEventFd
{
    public const uint KVM_IOEVENTFD_FLAG_DEASSIGN = 4;

    public ulong DataMatch, Address;
    public uint Length;
    public int Descriptor;
    public uint Flags;
}

/// <summary>struct kvm_irq_routing without its entries.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmIrqRoutingHeader
{
    public uint Count, Flags;
}

/// <summary>struct kvm_irq_routing_entry of type MSI.</summary>
[StructLayout(LayoutKind.Sequential, Size = 48)]
internal struct KvmIrqRoutingEntry
{
    public const uint KVM_IRQ_ROUTING_MSI = 2;

    public uint Gsi, Type, Flags, Padding;
    public uint AddressLow, AddressHigh, Data;
}

/// <summary>struct kvm_msi.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct KvmMsi
{
    public uint AddressLow, AddressHigh, Data, Flags;
}

/// <summary>struct kvm_cpuid_entry2.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct KvmCpuidEntry
{
    public const int Bytes = 40;
    public const uint KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;

    public uint Function, Index, Flags;
    public uint Eax, Ebx, Ecx, Edx;
}

/// <summary>struct kvm_msr_entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMsrEntry
{
    public uint Index, Reserved;
    public ulong Data;
}

/// <summary>struct kvm_msrs with room for two entries.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMsrs
{
    public uint Count, Padding;
    public KvmMsrEntry Entry0, Entry1;
}

/// <summary>struct kvm_lapic_state: the register page, each register at its offset of the xAPIC page.</summary>
[StructLayout(LayoutKind.Sequential, Size = 1024)]
internal unsafe struct KvmLapicState
{
    public fixed uint Registers[256];
}

/// <summary>struct kvm_signal_mask.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct KvmSignalMask
{
    public uint Length;
    public ulong Set;
}

/// <summary>struct kvm_translation.</summary>
[StructLayout(LayoutKind.Sequential, Size = 24)]
internal struct KvmTranslation
{
    public ulong Linear, Physical;
    public byte Valid;
}
