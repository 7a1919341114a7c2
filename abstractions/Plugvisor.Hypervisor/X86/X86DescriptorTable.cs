using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.X86;

/// <summary>GDTR or IDTR, laid out as <c>struct kvm_dtable</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct X86DescriptorTable
{
    public ulong Base;
    public ushort Limit;
    private readonly ushort _padding0, _padding1, _padding2;
}
