namespace Plugvisor.Machine.Boot;

/// <summary>Guest-physical addresses of what a guest finds in low memory when it starts. The same as Cloud Hypervisor's.</summary>
public static class BootLayout
{
    /// <summary>BIOS data area: segment of the extended BIOS data area, where guests look for the RSDP.</summary>
    public const ulong EbdaPointer = 0x40E;

    /// <summary>Global descriptor table, four entries.</summary>
    public const ulong Gdt = 0x500;

    /// <summary>Interrupt descriptor table, one empty entry.</summary>
    public const ulong Idt = 0x520;

    /// <summary>PVH start info.</summary>
    public const ulong StartInfo = 0x6000;

    /// <summary>PVH module list.</summary>
    public const ulong ModuleList = 0x6040;

    /// <summary>PVH memory map, or the zero page of the Linux boot protocol.</summary>
    public const ulong MemoryMapOrZeroPage = 0x7000;

    /// <summary>Initial stack pointer of a bzImage; the stack lies below.</summary>
    public const ulong StackPointer = 0x8FF0;

    /// <summary>Kernel command line.</summary>
    public const ulong CommandLine = 0x2_0000;

    /// <summary>Room for the command line with its terminating NUL.</summary>
    public const int CommandLineRoom = 0x1_0000;

    /// <summary>The RSDP, followed by the other ACPI tables.</summary>
    public const ulong Rsdp = 0xA_0000;

    /// <summary>SMBIOS entry point, its table, and the MP table.</summary>
    public const ulong Smbios = 0xF_0000;
}
