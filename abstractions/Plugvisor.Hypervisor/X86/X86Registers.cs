using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.X86;

/// <summary>General registers, laid out as <c>struct kvm_regs</c> (Linux, Documentation/virt/kvm/api.rst, KVM_GET_REGS).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct X86Registers
{
    public ulong Rax, Rbx, Rcx, Rdx, Rsi, Rdi, Rsp, Rbp;
    public ulong R8, R9, R10, R11, R12, R13, R14, R15;
    public ulong Rip, Rflags;
}
