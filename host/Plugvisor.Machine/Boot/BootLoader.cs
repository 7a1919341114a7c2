using System.Buffers.Binary;
using System.Text;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>Puts what the guest boots into its RAM, and says how vCPU 0 starts. Any one thread, before the guest runs.</summary>
public static class BootLoader
{
    private const int StartLength = 1024;
    private const ulong ReservedFlag = 2;       // bit 1 of RFLAGS is always set

    /// <summary>Loads a payload: an ELF file with a PVH entry, else a bzImage, and nothing else.</summary>
    /// <param name="payload">The files. Each is untrusted.</param>
    /// <param name="memory">Guest RAM, zeroed.</param>
    /// <param name="map">Its layout.</param>
    /// <exception cref="BootException">Something is missing, damaged, or does not fit; guest RAM may have been written to.</exception>
    public static BootState Load(Payload payload, GuestMemory memory, MemoryMap map)
    {
        if (payload.Firmware is not null && payload.Kernel is not null)
            throw new BootException("a firmware and a kernel cannot be booted at once: give one of them");
        string path = payload.Firmware ?? payload.Kernel ??
            throw new BootException("nothing to boot: give a kernel or a firmware");
        bool isFirmware = payload.Firmware is not null;

        using PayloadFile file = PayloadFile.Open(isFirmware ? "firmware" : "kernel", path);
        using PayloadFile? initramfs = isFirmware || payload.Initramfs is null ? null : PayloadFile.Open("initramfs", payload.Initramfs);
        byte[] commandLine = isFirmware || payload.CommandLine is null ? [] : Encoding.UTF8.GetBytes(payload.CommandLine);

        Span<byte> start = stackalloc byte[StartLength];
        start = start[..(int)Math.Min(StartLength, file.Length)];
        file.Read(0, start, "the start of the file");
        BootState state;
        if (PvhKernel.Matches(start)) state = LoadPvh(file, memory, map, initramfs, commandLine);
        else if (!isFirmware && BzImage.Matches(start)) state = LoadBzImage(file, memory, map, initramfs, commandLine);
        else throw file.Bad($"Kernel lacks PVH header (it is neither an ELF file{(isFirmware ? "" : " nor a bzImage")})");

        Span<byte> ebda = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(ebda, (ushort)(BootLayout.Rsdp >> 4));
        Span<byte> gdt = stackalloc byte[BootState.GdtLength];
        state.FillGdt(gdt);
        Span<byte> idt = stackalloc byte[sizeof(ulong)];
        idt.Clear();
        if (!memory.TryWrite(BootLayout.EbdaPointer, ebda) || !memory.TryWrite(BootLayout.Gdt, gdt) ||
            !memory.TryWrite(BootLayout.Idt, idt))
        {
            throw new BootException("guest memory has no low memory for the boot structures");
        }

        return state;
    }

    private static BootState LoadPvh(
        PayloadFile file, GuestMemory memory, MemoryMap map, PayloadFile? initramfs, ReadOnlySpan<byte> commandLine)
    {
        uint entry = PvhKernel.Load(file, memory, out ulong end);
        AddressRange module = default;
        if (initramfs is not null)
            module = new AddressRange(Initramfs.Load(initramfs, memory, map.LowRam.End, end), initramfs.Length);
        CommandLine.Write(file, memory, commandLine, BootLayout.CommandLineRoom - 1);
        if (!PvhStartInfo.TryWrite(memory, map, BootLayout.CommandLine, module))
            throw new BootException("guest memory has no low memory for the boot structures");

        var registers = new X86Registers { Rip = entry, Rbx = BootLayout.StartInfo, Rflags = ReservedFlag };
        return new BootState(registers, "PVH", 0x08, 0x10, 0x18);
    }

    private static BootState LoadBzImage(
        PayloadFile file, GuestMemory memory, MemoryMap map, PayloadFile? initramfs, ReadOnlySpan<byte> commandLine)
    {
        string version = BzImage.Load(file, memory, map, initramfs, commandLine);
        var registers = new X86Registers
        {
            Rip = MemoryMap.HighMemoryStart,
            Rsi = BootLayout.MemoryMapOrZeroPage,
            Rsp = BootLayout.StackPointer,
            Rflags = ReservedFlag,
        };
        // The protocol fixes these two selectors: __BOOT_CS and __BOOT_DS.
        return new BootState(registers, $"Linux {version}", 0x10, 0x18, 0x08);
    }
}
