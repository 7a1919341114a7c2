using Plugvisor.Hypervisor.Kvm.Native;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Hypervisor.Kvm;

/// <summary>Linux's KVM, through its device node.</summary>
public sealed class KvmHypervisor : IHypervisor
{
    private const int ApiVersion = 12;   // Never changes again (Documentation/virt/kvm/api.rst, KVM_GET_API_VERSION).

    private readonly FileDescriptor _device;

    private KvmHypervisor(FileDescriptor device) => _device = device;

    /// <inheritdoc/>
    public string Name => "kvm";

    /// <summary>Opens KVM and checks that it has what this VMM needs.</summary>
    /// <param name="path">The device node.</param>
    /// <exception cref="HypervisorException">It is missing, forbidden or too old; the message has the fix.</exception>
    public static KvmHypervisor Open(string path = "/dev/kvm")
    {
        FileDescriptor device;
        try
        {
            device = FileDescriptor.OpenReadWrite(path);
        }
        catch (LinuxException e)
        {
            throw new HypervisorException(KvmOpenError.Explain(path, e.Errno), e);
        }

        try
        {
            CheckVersion(device, path);
            return new KvmHypervisor(device);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IVm CreateVm() => KvmVm.Create(_device);

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();

    private static void CheckVersion(FileDescriptor device, string path)
    {
        int version = KvmIoctl.Call(device.Value, KvmRequest.KVM_GET_API_VERSION, 0);
        if (version < 0) throw new HypervisorException($"{path} is not KVM: it does not answer KVM_GET_API_VERSION");
        if (version != ApiVersion)
            throw new HypervisorException($"{path} speaks version {version} of the KVM interface, needed is {ApiVersion}: use Linux 4.13 or newer");

        Need(KvmCapability.KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY");
        Need(KvmCapability.KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR");
        Need(KvmCapability.KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR");
        Need(KvmCapability.KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID");
        Need(KvmCapability.KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE");
        Need(KvmCapability.KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING");
        Need(KvmCapability.KVM_CAP_IRQFD, "KVM_CAP_IRQFD");
        Need(KvmCapability.KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD");
        Need(KvmCapability.KVM_CAP_IOEVENTFD_ANY_LENGTH, "KVM_CAP_IOEVENTFD_ANY_LENGTH");
        Need(KvmCapability.KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI");
        Need(KvmCapability.KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP");
        Need(KvmCapability.KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT");

        void Need(uint capability, string name)
        {
            if (KvmIoctl.Call(device.Value, KvmRequest.KVM_CHECK_EXTENSION, capability) <= 0)
                throw new HypervisorException($"{path} lacks {name}: use Linux 4.13 or newer");
        }
    }
}
