using Plugvisor.Hypervisor;
using Plugvisor.Linux.Events;
using Plugvisor.Machine.Interrupts;
using Xunit;

namespace Plugvisor.Tests.Kvm.Hypervisor;

public sealed class KvmVmTests
{
    [Theory]
    [InlineData(new byte[] { 0xa2, 0x00, 0x00 })]                    // mov [0], al
    [InlineData(new byte[] { 0xa3, 0x00, 0x00 })]                    // mov [0], ax
    [InlineData(new byte[] { 0x66, 0xa3, 0x00, 0x00 })]              // mov [0], eax
    public void A_doorbell_takes_writes_of_any_width_without_an_exit(byte[] write)
    {
        // mov ax, 0x2000; mov ds, ax; the write; out 0x80, al
        using var guest = new RealModeGuest([0xb8, 0x00, 0x20, 0x8e, 0xd8, .. write, 0xe6, 0x80]);
        using var doorbell = new EventFd();
        guest.Vm.AddDoorbell(0x20000, doorbell);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal((VmExitReason.Port, 0x80ul), (exit.Reason, exit.Address));
        Assert.Equal(1ul, doorbell.Drain());
    }

    [Fact]
    public void A_removed_doorbell_exits_again()
    {
        using var guest = new RealModeGuest(0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa2, 0x00, 0x00);
        using var doorbell = new EventFd();
        guest.Vm.AddDoorbell(0x20000, doorbell);
        guest.Vm.RemoveDoorbell(0x20000, doorbell);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal((VmExitReason.Mmio, 0x20000ul), (exit.Reason, exit.Address));
    }

    [Fact]
    public void A_trigger_interrupts_a_halted_guest_through_its_route()
    {
        using var guest = new RealModeGuest(
            0xc7, 0x06, 0xc0, 0x00, 0x00, 0x20,        // mov word [4 * 0x30], 0x2000: the handler
            0xc7, 0x06, 0xc2, 0x00, 0x00, 0x00,        // mov word [4 * 0x30 + 2], 0
            0xe6, 0x80,                                // out 0x80, al
            0xfb, 0xf4, 0xeb, 0xfd);                   // sti; hlt; jmp back
        guest.Memory[0x2000] = 0xe6;                   // out 0x81, al
        guest.Memory[0x2001] = 0x81;
        using var trigger = new EventFd();
        guest.EnableLocalApic();
        guest.Vm.SetMsiRoutes([new MsiRoute(MsiRouter.IoapicPins, 0xfee0_0000, 0x30)]);
        guest.Vm.AddIrqFd(MsiRouter.IoapicPins, trigger);
        guest.Vcpu.Run(out VmExit exit);
        Assert.Equal((VmExitReason.Port, 0x80ul), (exit.Reason, exit.Address));

        trigger.Signal();
        guest.Vcpu.Run(out exit);

        Assert.Equal((VmExitReason.Port, 0x81ul), (exit.Reason, exit.Address));
    }

    [Fact]
    public void A_route_that_no_processor_could_take_does_not_spoil_the_table()
    {
        using var guest = new RealModeGuest(0xf4);

        // The upper half of an MSI address is the guest's to write; KVM refuses the low byte of it.
        guest.Vm.SetMsiRoutes([new MsiRoute(24, 0x0000_00ff_fee0_0000, 0x30), new MsiRoute(25, 0xffff_ffff_ffff_ffff, 0xffff_ffff)]);
        guest.Vm.SignalMsi(0xffff_ffff_ffff_ffff, 0xffff_ffff);
        guest.Vm.SetMsiRoutes([]);
    }
}
