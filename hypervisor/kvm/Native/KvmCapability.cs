namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>Capability numbers of <c>linux/kvm.h</c>, under the kernel's names.</summary>
internal static class KvmCapability
{
    public const uint KVM_CAP_USER_MEMORY = 3;
    public const uint KVM_CAP_SET_TSS_ADDR = 4;
    public const uint KVM_CAP_EXT_CPUID = 7;
    public const uint KVM_CAP_NR_VCPUS = 9;
    public const uint KVM_CAP_NR_MEMSLOTS = 10;
    public const uint KVM_CAP_MP_STATE = 14;
    public const uint KVM_CAP_IRQ_ROUTING = 25;
    public const uint KVM_CAP_IRQFD = 32;
    public const uint KVM_CAP_IOEVENTFD = 36;
    public const uint KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;
    public const uint KVM_CAP_MAX_VCPUS = 66;
    public const uint KVM_CAP_TSC_DEADLINE_TIMER = 72;
    public const uint KVM_CAP_KVMCLOCK_CTRL = 76;
    public const uint KVM_CAP_SIGNAL_MSI = 77;
    public const uint KVM_CAP_READONLY_MEM = 81;
    public const uint KVM_CAP_SPLIT_IRQCHIP = 121;
    public const uint KVM_CAP_IOEVENTFD_ANY_LENGTH = 122;
    public const uint KVM_CAP_MAX_VCPU_ID = 128;
    public const uint KVM_CAP_X2APIC_API = 129;
    public const uint KVM_CAP_IMMEDIATE_EXIT = 136;
    public const uint KVM_CAP_EXIT_ON_EMULATION_FAILURE = 204;

    public const ulong KVM_X2APIC_API_USE_32BIT_IDS = 1;
    public const ulong KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK = 2;
}
