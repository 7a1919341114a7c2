using System.Buffers.Binary;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;

namespace Plugvisor.Machine.Boot;

/// <summary>How vCPU 0 starts: 32-bit protected mode, paging off, flat segments. Every other vCPU waits for INIT and SIPI.</summary>
public sealed class BootState
{
    private const ulong ProtectedMode = 1;

    // Type fields of an accessed read/execute code segment, an accessed read/write data segment and a busy 32-bit TSS
    // (Intel SDM volume 3, section 3.4.5.1 and table 3-2).
    private const byte CodeType = 0xB, DataType = 3, TssType = 0xB;

    private readonly ushort _codeSelector, _dataSelector, _tssSelector;

    internal BootState(in X86Registers registers, string protocol, ushort codeSelector, ushort dataSelector, ushort tssSelector)
    {
        Registers = registers;
        Protocol = protocol;
        _codeSelector = codeSelector;
        _dataSelector = dataSelector;
        _tssSelector = tssSelector;
    }

    /// <summary>All general registers.</summary>
    public X86Registers Registers { get; }

    /// <summary>For the log: <c>PVH</c>, or <c>Linux</c> and the version of its boot protocol.</summary>
    public string Protocol { get; }

    /// <summary>Address of the first instruction.</summary>
    public ulong Entry => Registers.Rip;

    /// <summary>Gives a vCPU this state. On the vCPU's thread, or before it has one; after <see cref="IVcpu.Initialize"/>.</summary>
    /// <exception cref="HypervisorException">The kernel refuses.</exception>
    public void Apply(IVcpu vcpu)
    {
        // What is not set here, the APIC base above all, stays as it is after power-on.
        X86SystemRegisters system = vcpu.SystemRegisters;
        system.Cs = Segment(_codeSelector, CodeType, isSystem: false);
        system.Ds = system.Es = system.Fs = system.Gs = system.Ss = Segment(_dataSelector, DataType, isSystem: false);
        system.Tr = Segment(_tssSelector, TssType, isSystem: true);
        system.Gdt.Base = BootLayout.Gdt;
        system.Gdt.Limit = GdtLength - 1;
        system.Idt.Base = BootLayout.Idt;
        system.Idt.Limit = sizeof(ulong) - 1;
        system.Cr0 = ProtectedMode;
        system.Cr3 = 0;
        system.Cr4 = 0;
        system.Efer = 0;
        vcpu.SystemRegisters = system;
        vcpu.Registers = Registers;
    }

    internal const int GdtLength = 4 * sizeof(ulong);

    /// <summary>The descriptor table that goes with the selectors.</summary>
    internal void FillGdt(Span<byte> gdt)
    {
        gdt.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(gdt[_codeSelector..], Descriptor(0xC09B, 0xF_FFFF));
        BinaryPrimitives.WriteUInt64LittleEndian(gdt[_dataSelector..], Descriptor(0xC093, 0xF_FFFF));
        BinaryPrimitives.WriteUInt64LittleEndian(gdt[_tssSelector..], Descriptor(0x008B, 0x67));
    }

    /// <summary>A segment descriptor with base 0 (Intel SDM volume 3, figure 3-8).</summary>
    /// <param name="attributes">Bits 40 to 55 of the descriptor, without the limit that lies in their middle.</param>
    /// <param name="limit">20 bits.</param>
    private static ulong Descriptor(ulong attributes, ulong limit) =>
        (attributes << 40) | ((limit & 0xF_0000) << 32) | (limit & 0xFFFF);

    private static X86Segment Segment(ushort selector, byte type, bool isSystem) => new()
    {
        Selector = selector,
        Base = 0,
        Limit = isSystem ? 0x67 : 0xFFFF_FFFF,
        Type = type,
        Present = 1,
        S = (byte)(isSystem ? 0 : 1),
        Db = (byte)(isSystem ? 0 : 1),
        G = (byte)(isSystem ? 0 : 1),
    };
}
