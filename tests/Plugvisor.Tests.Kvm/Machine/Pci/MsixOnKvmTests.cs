using Plugvisor.Hypervisor;
using Plugvisor.Machine.Interrupts;
using Plugvisor.Machine.Pci.Msix;
using Plugvisor.Testing.Devices;
using Plugvisor.Tests.Kvm.Hypervisor;
using Xunit;

namespace Plugvisor.Tests.Kvm.Machine.Pci;

/// <summary>MSI-X against the real kernel: what the kernel does with an eventfd that was raised before it was bound.</summary>
public sealed class MsixOnKvmTests : IDisposable
{
    private const ulong Control = 12;

    // The handler of vector 0x30 writes port 0x81, signals the end of interrupt and returns; the program writes port 0x80, halts, and writes 0x82
    // after each interrupt.
    private readonly RealModeGuest _guest = new(
        0xc7, 0x06, 0xc0, 0x00, 0x00, 0x20,        // mov word [4 * 0x30], 0x2000: the handler
        0xc7, 0x06, 0xc2, 0x00, 0x00, 0x00,        // mov word [4 * 0x30 + 2], 0
        0xe6, 0x80,                                // out 0x80, al
        0xfb, 0xf4, 0xfa, 0xe6, 0x82, 0xeb, 0xf9); // sti; hlt; cli; out 0x82, al; jmp to sti

    private readonly MsixTable _table;

    public MsixOnKvmTests()
    {
        // out 0x81, al; mov ecx, 0x80b; xor eax, eax; xor edx, edx; wrmsr; iret
        ((ReadOnlySpan<byte>)[0xe6, 0x81, 0x66, 0xb9, 0x0b, 0x08, 0, 0, 0x66, 0x31, 0xc0, 0x66, 0x31, 0xd2, 0x0f, 0x30, 0xcf]).CopyTo(_guest.Memory[0x2000..]);
        _guest.EnableLocalApic();
        _table = new MsixTable(2, _guest.Vm, new MsiRouter(_guest.Vm), new MockDeviceLog());
        _table.SetControl(enabled: true, allMasked: false);
        _table.WriteTable(0, [0, 0, 0xe0, 0xfe, 0, 0, 0, 0]);
        _table.WriteTable(8, [0x30, 0, 0, 0]);
        Assert.Equal(0x80ul, NextPort());
    }

    public void Dispose()
    {
        _table.Dispose();
        _guest.Dispose();
    }

    [Fact]
    public void An_interrupt_that_was_raised_while_masked_comes_once_after_unmasking()
    {
        _table[0]!.Signal();
        _table[0]!.Signal();
        Assert.Equal(1, Pending());
        Mask(false);
        Assert.Equal(0, Pending());
        Assert.Equal(0x81ul, NextPort());
        Assert.Equal(0x82ul, NextPort());

        // Nothing is left over: the next interrupt is the next one that is raised, and masking finds none pending.
        Mask(true);
        Assert.Equal(0, Pending());
        Mask(false);
        _table[0]!.Signal();
        Assert.Equal(0x81ul, NextPort());
        Assert.Equal(0x82ul, NextPort());
    }

    [Fact]
    public void An_unmasked_interrupt_reaches_the_guest_without_a_call_of_the_table()
    {
        Mask(false);
        for (int i = 0; i < 10; i++)
        {
            _table[0]!.Signal();
            Assert.Equal(0x81ul, NextPort());
            Assert.Equal(0x82ul, NextPort());
        }
    }

    private void Mask(bool masked) => _table.WriteTable(Control, [masked ? (byte)1 : (byte)0, 0, 0, 0]);

    private byte Pending()
    {
        Span<byte> bits = stackalloc byte[1];
        _table.ReadPending(0, bits);
        return bits[0];
    }

    private ulong NextPort()
    {
        // An interrupt that never comes leaves the guest halted: end that wait.
        using var deadline = new Timer(_ => _guest.Vcpu.RequestExit(), null, 20_000, Timeout.Infinite);
        _guest.Vcpu.Run(out VmExit exit);
        Assert.Equal(VmExitReason.Port, exit.Reason);
        return exit.Address;
    }
}
