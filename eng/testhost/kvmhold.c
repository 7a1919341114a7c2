// kvmhold: keeps one virtual machine with one vCPU, which never runs, open for as long as the test host lives.
//
// KVM switches some of its code by patching the running kernel when the first machine is made and when the last one is
// closed. QEMU 7.2's emulation can lose such a race (see settings.sh), so the switch is done once, before any test.
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);

    if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) != 0 || ioctl(vm, KVM_CREATE_VCPU, 0) < 0) {
        return 1;
    }
    for (;;) {
        pause();
    }
}
