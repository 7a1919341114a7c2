using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.Kvm;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Linux.Memory;
using Plugvisor.Machine.Vcpus;

namespace Plugvisor.Tests.Kvm.Hypervisor;

/// <summary>A VM of a few pages whose one vCPU starts in real mode at <see cref="Origin"/>.</summary>
internal sealed unsafe class RealModeGuest : IDisposable
{
    /// <summary>Where the code lies and CS:IP points (CS base 0).</summary>
    public const ushort Origin = 0x1000;

    /// <summary>Bytes of memory from address 0.</summary>
    public const int MemorySize = 0x10000;

    private readonly KvmHypervisor _kvm = KvmHypervisor.Open();
    private readonly MemoryMapping _memory = MemoryMapping.Map(
        MemorySize, MemoryMapping.ReadWrite, MemoryMapping.Private | MemoryMapping.Anonymous, -1, 0, "of a test guest");

    public RealModeGuest(params ReadOnlySpan<byte> code)
    {
        code.CopyTo(Memory[Origin..]);
        Vm = _kvm.CreateVm();
        Vm.SetMemorySlot(new MemorySlot(0, 0, MemorySize, _memory.Address));
        Vcpu = Vm.CreateVcpu(0);
        Vcpu.Initialize(new VcpuSetup(1, 46, null));
        X86SystemRegisters system = Vcpu.SystemRegisters;
        system.Cs.Base = 0;
        system.Cs.Selector = 0;
        Vcpu.SystemRegisters = system;
        Vcpu.Registers = new X86Registers { Rip = Origin, Rsp = 0x8000, Rflags = 2 };
    }

    /// <summary>Threads to end before the guest goes.</summary>
    public List<VcpuThread> Threads { get; } = [];

    public IVm Vm { get; }

    public IVcpu Vcpu { get; }

    // SAFETY: the mapping has this size and lives as long as the guest.
    public Span<byte> Memory => new((void*)_memory.Address, MemorySize);

    /// <summary>Flat 32-bit protected mode without paging, interrupt table or other segments than these.</summary>
    public static void EnterProtectedMode(IVcpu vcpu)
    {
        X86SystemRegisters system = vcpu.SystemRegisters;
        system.Cs = new X86Segment { Limit = 0xffff_ffff, Selector = 8, Type = 11, Present = 1, Db = 1, S = 1, G = 1 };
        system.Ds = system.Es = system.Fs = system.Gs = system.Ss = system.Cs with { Selector = 16, Type = 3 };
        system.Cr0 |= 1;
        system.Idt = new X86DescriptorTable { Limit = 0 };
        vcpu.SystemRegisters = system;
    }

    /// <summary>Sets the enable bit of the spurious-interrupt register, by an x2APIC MSR write of the guest.</summary>
    public void EnableLocalApic()
    {
        // mov ecx, 0x1b; rdmsr; or ah, 0xc (x2APIC); wrmsr; mov ecx, 0x80f; mov eax, 0x1ff; xor edx, edx; wrmsr; out 0x82, al
        ((ReadOnlySpan<byte>)[
            0x66, 0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x80, 0xcc, 0x0c, 0x0f, 0x30,
            0x66, 0xb9, 0x0f, 0x08, 0, 0, 0x66, 0xb8, 0xff, 0x01, 0, 0, 0x66, 0x31, 0xd2, 0x0f, 0x30, 0xe6, 0x82]).CopyTo(Memory[0x3000..]);
        X86Registers before = Vcpu.Registers;
        Vcpu.Registers = before with { Rip = 0x3000 };
        Vcpu.Run(out VmExit exit);
        if (exit.Reason != VmExitReason.Port || exit.Address != 0x82) throw new InvalidOperationException($"local APIC not enabled: {exit.Reason}");
        Vcpu.RequestExit();
        Vcpu.Run(out _);   // finishes the access
        Vcpu.ClearExitRequest();
        Vcpu.Registers = before;
    }

    public void Dispose()
    {
        foreach (VcpuThread thread in Threads) thread.RequestStop();
        foreach (VcpuThread thread in Threads) thread.Join(TimeSpan.FromSeconds(10));
        Vcpu.Dispose();
        Vm.Dispose();
        _memory.Dispose();
        _kvm.Dispose();
    }
}
