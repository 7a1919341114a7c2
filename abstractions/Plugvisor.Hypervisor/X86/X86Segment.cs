using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.X86;

/// <summary>A segment register with its hidden part, laid out as <c>struct kvm_segment</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct X86Segment
{
    public ulong Base;
    public uint Limit;
    public ushort Selector;
    public byte Type, Present, Dpl, Db, S, L, G, Avl, Unusable, Padding;
}
