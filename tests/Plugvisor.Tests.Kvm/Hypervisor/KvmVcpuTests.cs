using Plugvisor.Hypervisor;
using Xunit;

namespace Plugvisor.Tests.Kvm.Hypervisor;

public sealed class KvmVcpuTests
{
    [Fact]
    public void A_port_write_exits_with_port_width_and_data()
    {
        // mov dx, 0x3f8; mov al, 'A'; out dx, al
        using var guest = new RealModeGuest(0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal(VmExitReason.Port, exit.Reason);
        Assert.True(exit.IsWrite);
        Assert.Equal(0x3f8ul, exit.Address);
        Assert.Equal((1, 1), (exit.Width, exit.Count));
        Assert.Equal([0x41], exit.Data.ToArray());
    }

    [Fact]
    public void The_data_of_a_port_read_reaches_the_guest()
    {
        // in ax, 0x42; out 0x43, ax
        using var guest = new RealModeGuest(0xe5, 0x42, 0xe7, 0x43);

        guest.Vcpu.Run(out VmExit exit);
        Assert.Equal((VmExitReason.Port, false, 0x42ul, 2), (exit.Reason, exit.IsWrite, exit.Address, exit.Width));
        exit.Data[0] = 0x34;
        exit.Data[1] = 0x12;
        guest.Vcpu.Run(out exit);

        Assert.Equal((VmExitReason.Port, true, 0x43ul), (exit.Reason, exit.IsWrite, exit.Address));
        Assert.Equal([0x34, 0x12], exit.Data.ToArray());
    }

    [Fact]
    public void A_string_write_exits_with_all_its_data_or_one_at_a_time()
    {
        // mov si, 0x2000; mov cx, 4; mov dx, 0x402; rep outsb; hlt
        using var guest = new RealModeGuest(0xbe, 0x00, 0x20, 0xb9, 0x04, 0x00, 0xba, 0x02, 0x04, 0xf3, 0x6e, 0xf4);
        "host"u8.CopyTo(guest.Memory[0x2000..]);

        var seen = new List<byte>();
        while (seen.Count < 4)
        {
            guest.Vcpu.Run(out VmExit exit);
            Assert.Equal((VmExitReason.Port, true, 0x402ul, 1), (exit.Reason, exit.IsWrite, exit.Address, exit.Width));
            Assert.Equal(exit.Count, exit.Data.Length);
            seen.AddRange(exit.Data);
        }

        Assert.Equal("host"u8, seen.ToArray());
    }

    [Fact]
    public void An_access_outside_memory_exits_as_mmio()
    {
        // mov ax, 0x2000; mov ds, ax; mov word [0x10], 0xbeef
        using var guest = new RealModeGuest(0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xc7, 0x06, 0x10, 0x00, 0xef, 0xbe);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal((VmExitReason.Mmio, true, 0x20010ul, 2), (exit.Reason, exit.IsWrite, exit.Address, exit.Width));
        Assert.Equal([0xef, 0xbe], exit.Data.ToArray());
    }

    [Theory]
    [InlineData(0x2ff, 0x806, 0xffff)]   // IA32_MTRR_DEF_TYPE: enabled, write-back
    [InlineData(0x1a0, 1, 1)]            // IA32_MISC_ENABLE: fast strings
    public void Msrs_are_as_firmware_leaves_them(uint msr, uint expected, uint mask)
    {
        // mov ecx, msr; rdmsr; out 0x10, eax
        byte[] code = [0x66, 0xb9, 0, 0, 0, 0, 0x0f, 0x32, 0x66, 0xe7, 0x10];
        BitConverter.TryWriteBytes(code.AsSpan(2), msr);
        using var guest = new RealModeGuest(code);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal((VmExitReason.Port, 0x10ul), (exit.Reason, exit.Address));
        Assert.Equal(expected, BitConverter.ToUInt32(exit.Data) & mask);
    }

    [Theory]
    [InlineData(0x350, 0x700)]
    [InlineData(0x360, 0x400)]
    public void Local_interrupts_are_extint_and_nmi(uint register, uint mode)
    {
        // mov eax, [0xfee00000 + register]; out 0x10, eax
        byte[] code = [0xa1, 0, 0, 0, 0, 0xe7, 0x10];
        BitConverter.TryWriteBytes(code.AsSpan(1), 0xfee0_0000 + register);
        using var guest = new RealModeGuest(code);
        RealModeGuest.EnterProtectedMode(guest.Vcpu);

        guest.Vcpu.Run(out VmExit exit);

        Assert.Equal((VmExitReason.Port, 0x10ul), (exit.Reason, exit.Address));
        Assert.Equal(mode, BitConverter.ToUInt32(exit.Data) & 0x700);
    }

    [Fact]
    public void A_requested_exit_ends_the_next_run_until_it_is_cleared()
    {
        using var guest = new RealModeGuest(0xe6, 0x80);   // out 0x80, al

        guest.Vcpu.RequestExit();
        guest.Vcpu.Run(out VmExit exit);
        Assert.Equal(VmExitReason.Interrupted, exit.Reason);
        guest.Vcpu.ClearExitRequest();
        guest.Vcpu.Run(out exit);

        Assert.Equal((VmExitReason.Port, 0x80ul), (exit.Reason, exit.Address));
    }
}
