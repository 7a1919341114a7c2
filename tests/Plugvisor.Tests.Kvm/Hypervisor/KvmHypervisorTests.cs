using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.Kvm;
using Xunit;

namespace Plugvisor.Tests.Kvm.Hypervisor;

public sealed class KvmHypervisorTests
{
    [Fact]
    public void A_missing_device_names_itself_and_the_fix()
    {
        string message = Refusal("/dev/no-such-kvm");

        Assert.StartsWith("/dev/no-such-kvm does not exist", message, StringComparison.Ordinal);
        Assert.Contains("modprobe kvm_intel or kvm_amd", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_device_is_not_taken_for_kvm() =>
        Assert.Equal("/dev/null is not KVM: it does not answer KVM_GET_API_VERSION", Refusal("/dev/null"));

    [Fact]
    public void A_refused_memory_slot_says_which()
    {
        using KvmHypervisor kvm = KvmHypervisor.Open();
        using IVm vm = kvm.CreateVm();

        string message = Assert.Throws<HypervisorException>(() => vm.SetMemorySlot(new MemorySlot(3, 0x1001, 0x1000, 0x10000))).Message;

        Assert.Equal("KVM refuses memory slot 3 (0x1000 bytes at guest address 0x1001): Invalid argument (errno 22)", message);
    }

    private static string Refusal(string path) => Assert.Throws<HypervisorException>(() => KvmHypervisor.Open(path)).Message;
}
