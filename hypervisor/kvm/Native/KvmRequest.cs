namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>ioctl numbers of <c>linux/kvm.h</c> for x86-64, under the kernel's names.</summary>
internal static class KvmRequest
{
    // On /dev/kvm.
    public const uint KVM_GET_API_VERSION = 0xae00;
    public const uint KVM_CREATE_VM = 0xae01;
    public const uint KVM_CHECK_EXTENSION = 0xae03;
    public const uint KVM_GET_VCPU_MMAP_SIZE = 0xae04;
    public const uint KVM_GET_SUPPORTED_CPUID = 0xc008ae05;

    // On a VM.
    public const uint KVM_CREATE_VCPU = 0xae41;
    public const uint KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
    public const uint KVM_SET_TSS_ADDR = 0xae47;
    public const uint KVM_SET_IDENTITY_MAP_ADDR = 0x4008ae48;
    public const uint KVM_SET_GSI_ROUTING = 0x4008ae6a;
    public const uint KVM_IRQFD = 0x4020ae76;
    public const uint KVM_IOEVENTFD = 0x4040ae79;
    public const uint KVM_ENABLE_CAP = 0x4068aea3;
    public const uint KVM_SIGNAL_MSI = 0x4020aea5;

    // On a vCPU.
    public const uint KVM_RUN = 0xae80;
    public const uint KVM_GET_REGS = 0x8090ae81;
    public const uint KVM_SET_REGS = 0x4090ae82;
    public const uint KVM_GET_SREGS = 0x8138ae83;
    public const uint KVM_SET_SREGS = 0x4138ae84;
    public const uint KVM_TRANSLATE = 0xc018ae85;
    public const uint KVM_GET_MSRS = 0xc008ae88;
    public const uint KVM_SET_MSRS = 0x4008ae89;
    public const uint KVM_SET_SIGNAL_MASK = 0x4004ae8b;
    public const uint KVM_GET_LAPIC = 0x8400ae8e;
    public const uint KVM_SET_LAPIC = 0x4400ae8f;
    public const uint KVM_SET_CPUID2 = 0x4008ae90;
    public const uint KVM_GET_MP_STATE = 0x8004ae98;
    public const uint KVM_SET_MP_STATE = 0x4004ae99;
    public const uint KVM_NMI = 0xae9a;
    public const uint KVM_KVMCLOCK_CTRL = 0xaead;
}
