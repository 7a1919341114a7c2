using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.X86;

/// <summary>Segments, descriptor tables and control registers, laid out as <c>struct kvm_sregs</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct X86SystemRegisters
{
    public X86Segment Cs, Ds, Es, Fs, Gs, Ss, Tr, Ldt;
    public X86DescriptorTable Gdt, Idt;
    public ulong Cr0, Cr2, Cr3, Cr4, Cr8, Efer, ApicBase;
    public InterruptBits InterruptBitmap;

    /// <summary>256 bits, one a vector that is queued.</summary>
    [InlineArray(4)]
    public struct InterruptBits
    {
        private ulong _word;
    }
}
