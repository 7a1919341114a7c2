using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>struct kvm_run, the page that a vCPU shares with the kernel. Fields of one exit reason overlay the others'.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
internal unsafe struct KvmRun
{
    public const uint KVM_EXIT_UNKNOWN = 0;
    public const uint KVM_EXIT_IO = 2;
    public const uint KVM_EXIT_HLT = 5;
    public const uint KVM_EXIT_MMIO = 6;
    public const uint KVM_EXIT_SHUTDOWN = 8;
    public const uint KVM_EXIT_FAIL_ENTRY = 9;
    public const uint KVM_EXIT_INTR = 10;
    public const uint KVM_EXIT_INTERNAL_ERROR = 17;
    public const uint KVM_EXIT_SYSTEM_EVENT = 24;
    public const uint KVM_EXIT_IOAPIC_EOI = 26;
    public const uint KVM_EXIT_MEMORY_FAULT = 39;

    public const byte KVM_EXIT_IO_OUT = 1;

    public const uint KVM_INTERNAL_ERROR_EMULATION = 1;
    public const ulong KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    [FieldOffset(1)] public byte ImmediateExit;
    [FieldOffset(8)] public uint ExitReason;

    [FieldOffset(32)] public ulong HardwareReason;
    [FieldOffset(40)] public uint HardwareCpu;

    [FieldOffset(32)] public byte IoDirection;
    [FieldOffset(33)] public byte IoSize;
    [FieldOffset(34)] public ushort IoPort;
    [FieldOffset(36)] public uint IoCount;
    [FieldOffset(40)] public ulong IoDataOffset;

    [FieldOffset(32)] public ulong MmioAddress;
    [FieldOffset(40)] public fixed byte MmioData[8];
    [FieldOffset(48)] public uint MmioLength;
    [FieldOffset(52)] public byte MmioIsWrite;

    [FieldOffset(32)] public byte EoiVector;

    [FieldOffset(40)] public ulong MemoryFaultAddress;

    [FieldOffset(32)] public uint InternalSuberror;
    [FieldOffset(36)] public uint InternalDataCount;
    [FieldOffset(40)] public fixed ulong InternalData[16];

    [FieldOffset(40)] public ulong EmulationFlags;
    [FieldOffset(48)] public byte InstructionSize;
    [FieldOffset(49)] public fixed byte InstructionBytes[15];

    [FieldOffset(32)] public uint SystemEventType;
}
