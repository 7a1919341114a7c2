using System.Buffers.Binary;
using Plugvisor.Hypervisor;
using Plugvisor.Hypervisor.X86;
using Plugvisor.Machine.Boot;
using Plugvisor.Machine.Memory;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Boot;

public sealed unsafe class BootLoaderTests : IDisposable
{
    private const ulong MiB = 1 << 20;

    // In memory: rewriting a file on a disk thousands of times is slow on some file systems.
    private readonly string _folder = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"plugvisor-boot-{Guid.NewGuid():N}")).FullName;
    private readonly MemoryMap _map = new(64 * MiB, 40);
    private readonly GuestRam _ram;

    public BootLoaderTests() => _ram = GuestRam.Allocate(_map, new GuestRamOptions());

    public void Dispose()
    {
        _ram.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(true, 4)]
    [InlineData(true, 8)]
    [InlineData(false, 4)]
    public void Pvh_kernel_is_loaded_with_everything_it_is_told(bool is64, int noteDescriptor)
    {
        byte[] initramfs = [1, 2, 3, 4, 5];
        var payload = new Payload(
            Kernel: Write("vmlinux", ElfImage.Make(is64, noteDescriptor: noteDescriptor)),
            Initramfs: Write("initrd", initramfs), CommandLine: "console=hvc0 ünï");

        BootState state = BootLoader.Load(payload, _ram.Memory, _map);

        Assert.Equal("PVH", state.Protocol);
        Assert.Equal(ElfImage.Entry, state.Entry);
        Assert.Equal((0x6000UL, 2UL, 0UL), (state.Registers.Rbx, state.Registers.Rflags, state.Registers.Rsp));
        Assert.True(Read(ElfImage.LoadAddress, 0x3000).AsSpan().IndexOfAnyExcept((byte)0xAB) < 0);
        Assert.Equal(0, Read(ElfImage.LoadAddress + 0x3000, 1)[0]);

        byte[] info = Read(0x6000, 56);
        Assert.Equal(0x336EC578u, U32(info, 0));
        Assert.Equal(1u, U32(info, 4));
        Assert.Equal(0u, U32(info, 8));
        Assert.Equal(1u, U32(info, 12));
        Assert.Equal((0x6040UL, 0x20000UL, 0xA0000UL, 0x7000UL), (U64(info, 16), U64(info, 24), U64(info, 32), U64(info, 40)));
        Assert.Equal((uint)_map.E820.Length, U32(info, 48));
        byte[] module = Read(0x6040, 32);
        Assert.Equal(((64 * MiB) - 4096, 5UL), (U64(module, 0), U64(module, 8)));
        Assert.Equal(initramfs, Read(U64(module, 0), 5));
        byte[] table = Read(0x7000, 24 * 3);
        Assert.Equal((0UL, 0xA0000UL, 1u), (U64(table, 0), U64(table, 8), U32(table, 16)));
        Assert.Equal((0x10_0000UL, 63 * MiB, 1u), (U64(table, 24), U64(table, 32), U32(table, 40)));
        Assert.Equal((0xE800_0000UL, 0x1000_0000UL, 2u), (U64(table, 48), U64(table, 56), U32(table, 64)));
        Assert.Equal("console=hvc0 ünï\0"u8, Read(0x20000, 19));
        Assert.Equal(0xA000, BinaryPrimitives.ReadUInt16LittleEndian(Read(0x40E, 2)));
    }

    [Fact]
    public void Pvh_descriptors_are_flat()
    {
        BootState state = BootLoader.Load(new Payload(Kernel: Write("vmlinux", ElfImage.Make())), _ram.Memory, _map);
        var vcpu = new FakeVcpu();
        state.Apply(vcpu);

        byte[] gdt = Read(0x500, 32);
        Assert.Equal(0UL, U64(gdt, 0));
        Assert.Equal(0x00CF_9B00_0000_FFFFUL, U64(gdt, 8));
        Assert.Equal(0x00CF_9300_0000_FFFFUL, U64(gdt, 16));
        Assert.Equal(0x0000_8B00_0000_0067UL, U64(gdt, 24));
        X86SystemRegisters system = vcpu.SystemRegisters;
        Assert.Equal((0x500UL, (ushort)31, 0x520UL, (ushort)7), (system.Gdt.Base, system.Gdt.Limit, system.Idt.Base, system.Idt.Limit));
        Assert.Equal((1UL, 0UL, 0UL, 0UL), (system.Cr0, system.Cr3, system.Cr4, system.Efer));
        Assert.Equal(0xFEE0_0900UL, system.ApicBase);
        Assert.Equal(((ushort)8, (byte)0xB, (byte)1, (byte)1, (byte)1, 0xFFFF_FFFFu), (system.Cs.Selector, system.Cs.Type, system.Cs.S, system.Cs.Db, system.Cs.G, system.Cs.Limit));
        Assert.Equal(((ushort)16, (byte)3), (system.Ss.Selector, system.Ss.Type));
        Assert.Equal(((ushort)24, (byte)0xB, (byte)0, 0x67u), (system.Tr.Selector, system.Tr.Type, system.Tr.S, system.Tr.Limit));
        Assert.Equal(ElfImage.Entry, vcpu.Registers.Rip);
    }

    [Fact]
    public void Firmware_gets_neither_initramfs_nor_command_line()
    {
        var payload = new Payload(Firmware: Write("fw", ElfImage.Make()), Initramfs: "/does/not/exist", CommandLine: "quiet");

        BootLoader.Load(payload, _ram.Memory, _map);

        Assert.Equal(0u, U32(Read(0x6000, 56), 12));
        Assert.Equal(0, Read(0x20000, 1)[0]);
    }

    [Fact]
    public void Bzimage_is_loaded_by_the_32_bit_boot_protocol()
    {
        var payload = new Payload(
            Kernel: Write("vmlinuz", BzImageFile.Make()), Initramfs: Write("initrd", new byte[5000]), CommandLine: "quiet");

        BootState state = BootLoader.Load(payload, _ram.Memory, _map);

        Assert.Equal("Linux 2.15", state.Protocol);
        Assert.Equal((0x10_0000UL, 0x7000UL, 0x8FF0UL, 2UL), (state.Entry, state.Registers.Rsi, state.Registers.Rsp, state.Registers.Rflags));
        Assert.True(Read(0x10_0000, 0x4000).AsSpan().IndexOfAnyExcept((byte)0xCD) < 0);
        byte[] page = Read(0x7000, 4096);
        Assert.Equal("HdrS"u8, page.AsSpan(0x202, 4));
        Assert.Equal(0xFF, page[0x210]);
        Assert.Equal(0xA0000UL, U64(page, 0x70));
        Assert.Equal(((uint)((64 * MiB) - 8192), 5000u), (U32(page, 0x218), U32(page, 0x21C)));
        Assert.Equal(0x20000u, U32(page, 0x228));
        Assert.Equal(3, page[0x1E8]);
        Assert.Equal((0x10_0000UL, 63 * MiB, 1u), (U64(page, 0x2D0 + 20), U64(page, 0x2D0 + 28), U32(page, 0x2D0 + 36)));
        Assert.Equal(0u, U32(page, 0x26C));
        Assert.Equal("quiet\0"u8, Read(0x20000, 6));

        var vcpu = new FakeVcpu();
        state.Apply(vcpu);
        Assert.Equal(((ushort)0x10, (ushort)0x18), (vcpu.SystemRegisters.Cs.Selector, vcpu.SystemRegisters.Ds.Selector));
        Assert.Equal(0x00CF_9B00_0000_FFFFUL, U64(Read(0x500, 32), 16));
    }

    [Fact]
    public void Command_line_limits_are_the_kernels()
    {
        string kernel = Write("vmlinuz", BzImageFile.Make());
        BootLoader.Load(new Payload(Kernel: kernel, CommandLine: new string('x', 2047)), _ram.Memory, _map);
        Refused(new Payload(Kernel: kernel, CommandLine: new string('x', 2048)), "2048 bytes", "at most 2047");

        string elf = Write("vmlinux", ElfImage.Make());
        BootLoader.Load(new Payload(Kernel: elf, CommandLine: new string('x', 65535)), _ram.Memory, _map);
        Refused(new Payload(Kernel: elf, CommandLine: new string('x', 65536)), "65536 bytes", "at most 65535");
        Refused(new Payload(Kernel: elf, CommandLine: "a\0b"), "NUL");
    }

    [Fact]
    public void Initramfs_must_fit_beside_the_kernel()
    {
        string big = Path.Combine(_folder, "big");
        using (FileStream file = File.Create(big)) file.SetLength(1L << 40);
        string elf = Write("vmlinux", ElfImage.Make()), bz = Write("vmlinuz", BzImageFile.Make());
        Refused(new Payload(Kernel: elf, Initramfs: big), big, "1024 GiB do not fit", "raise the memory size");

        // The ELF kernel ends at 0x204000, the bzImage unpacks itself up to 20 MiB.
        using (FileStream file = File.OpenWrite(big)) file.SetLength(61 * 1024 * 1024);
        BootLoader.Load(new Payload(Kernel: elf, Initramfs: big), _ram.Memory, _map);
        Refused(new Payload(Kernel: bz, Initramfs: big), "61 MiB do not fit in the 44 MiB");
        using (FileStream file = File.OpenWrite(big)) file.SetLength(62 * 1024 * 1024);
        Refused(new Payload(Kernel: elf, Initramfs: big), "62 MiB do not fit");
    }

    [Fact]
    public void What_cannot_be_opened_is_named()
    {
        Refused(new Payload(), "nothing to boot");
        Refused(new Payload(Kernel: "a", Firmware: "b"), "at once");
        Refused(new Payload(Kernel: "/no/such/file"), "kernel /no/such/file does not exist");
        Refused(new Payload(Kernel: _folder), "is a directory");
        Refused(new Payload(Kernel: ""), "the path is empty");
        Refused(new Payload(Kernel: "a\0b"), "NUL");
        Refused(new Payload(Kernel: Write("empty", [])), "empty");
        Refused(new Payload(Kernel: "/dev/zero"), "/dev/zero");
        Refused(new Payload(Kernel: Write("k", ElfImage.Make()), Initramfs: "/no/such/initrd"), "initramfs /no/such/initrd does not exist");
    }

    [Fact]
    public void What_is_no_kernel_is_refused_with_the_known_words()
    {
        Refused(new Payload(Kernel: Write("text", "#!/bin/sh\n"u8.ToArray())), "text", "Kernel lacks PVH header");
        Refused(new Payload(Kernel: Write("plain", ElfImage.Make(withNote: false))), "plain", "Kernel lacks PVH header");
        Refused(new Payload(Firmware: Write("bz", BzImageFile.Make())), "firmware", "Kernel lacks PVH header");
    }

    [Fact]
    public void Broken_elf_files_are_refused_in_words()
    {
        RefusedElf(e => e[4] = 3, "class 3");
        RefusedElf(e => e[5] = 2, "little-endian");
        RefusedElf(e => e[18] = 183, "machine 183");
        RefusedElf(e => ElfImage.Put64(e, 32, ulong.MaxValue - 3), "past the end of the file");
        RefusedElf(e => ElfImage.Put16(e, 54, 57), "headers of 57 bytes");
        RefusedElf(e => ElfImage.Put16(e, 56, 0), "0 ELF program headers");
        RefusedElf(e => ElfImage.Put16(e, 56, 0xFFFF), "65535 ELF program headers");
        RefusedElf(e => ElfImage.Put64(e, 64 + 8, ulong.MaxValue), "past the end of the file");
        RefusedElf(e => ElfImage.Put64(e, 64 + 24, 64 * MiB), "does not lie in guest memory");
        RefusedElf(e => ElfImage.Put64(e, 64 + 24, ulong.MaxValue), "does not lie in guest memory");
        RefusedElf(e => ElfImage.Put64(e, 64 + 40, ulong.MaxValue), "does not lie in guest memory");
        RefusedElf(e => ElfImage.Put64(e, 64 + 40, 0x100), "longer in the file than in memory");
        RefusedElf(e => ElfImage.Put64(e, 64 + 32, 0x3001), "past the end of the file");
        RefusedElf(e => e[64] = 6, "no ELF segment to load");
        RefusedElf(e => e.AsSpan(64, 56).CopyTo(e.AsSpan(64 + 112, 56)), "overlaps", e => ElfImage.Put16(e, 56, 3));
        RefusedElf(e => ElfImage.Put32(e, 0x200 + 36, 0xFFFF_FFF0), "the PVH entry");
    }

    [Fact]
    public void Broken_bzimages_are_refused_in_words()
    {
        RefusedBzImage(b => ElfImage.Put16(b, 0x206, 0x0201), "boot protocol 2.01 is too old");
        RefusedBzImage(b => b[0x211] = 0, "zImage");
        RefusedBzImage(b => b[0x201] = 0x10, "header ends at 0x212");
        RefusedBzImage(b => b[0x1F1] = 255, "past the end");
        RefusedBzImage(b => ElfImage.Put32(b, 0x1F4, 0x401), "truncated");
        RefusedBzImage(b => ElfImage.Put32(b, 0x1F4, uint.MaxValue), "truncated");
        RefusedBzImage(b => ElfImage.Put32(b, 0x230, 0x30_0000), "power of two");
        RefusedBzImage(b => ElfImage.Put64(b, 0x258, ulong.MaxValue), "unpack itself");
        RefusedBzImage(b => ElfImage.Put32(b, 0x260, uint.MaxValue), "unpack itself");
        Refused(new Payload(Kernel: Write("huge", BzImageFile.Make(64 << 20))), "does not lie in guest memory");
    }

    [Fact]
    public void Every_truncation_of_an_image_is_refused()
    {
        foreach (byte[] image in new[] { ElfImage.Make(body: 64), ElfImage.Make(is64: false, body: 64), BzImageFile.Make(64) })
        {
            for (int length = 0; length < image.Length - 15; length += length < 1024 ? 1 : 7)
                Assert.Throws<BootException>(() => BootLoader.Load(new Payload(Kernel: Write("cut", image[..length])), _ram.Memory, _map));
        }
    }

    [Fact]
    public void Mutated_images_load_or_are_refused_but_never_crash()
    {
        var random = new Random(20261121);
        byte[][] images = [ElfImage.Make(body: 64), ElfImage.Make(is64: false, body: 64), BzImageFile.Make(64)];
        ReadOnlySpan<byte> interesting = [0, 1, 0x7F, 0x80, 0xFF];
        int refused = 0, loaded = 0;
        for (int i = 0; i < 6000; i++)
        {
            byte[] image = [.. images[i % images.Length]];
            // The parts that are parsed: headers, notes, the setup header.
            int start = i % 3 == 2 ? 0x1F1 : 4, end = i % 3 == 2 ? 0x270 : 0x230;
            for (int n = random.Next(1, 6); n > 0; n--)
            {
                int at = random.Next(start, end), width = 1 << random.Next(0, 4);
                byte value = random.Next(2) == 0 ? interesting[random.Next(interesting.Length)] : (byte)random.Next(256);
                for (int j = at; j < Math.Min(at + width, image.Length); j++) image[j] = value;
            }

            try
            {
                BootState state = BootLoader.Load(new Payload(Kernel: Write("fuzz", image)), _ram.Memory, _map);
                Assert.True(_ram.Memory.TryTranslate(state.Entry, 1, out _));
                loaded++;
            }
            catch (BootException e)
            {
                Assert.Contains("fuzz", e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(refused > 1000, $"only {refused} refused");
        Assert.True(loaded > 100, $"only {loaded} loaded");
    }

    private void RefusedElf(Action<byte[]> change, string message, Action<byte[]>? more = null)
    {
        byte[] image = ElfImage.Make();
        change(image);
        more?.Invoke(image);
        Refused(new Payload(Kernel: Write("bad-elf", image)), "bad-elf", message);
    }

    private void RefusedBzImage(Action<byte[]> change, string message)
    {
        byte[] image = BzImageFile.Make();
        change(image);
        Refused(new Payload(Kernel: Write("bad-bz", image)), "bad-bz", message);
    }

    private void Refused(Payload payload, params string[] messages)
    {
        var error = Assert.Throws<BootException>(() => BootLoader.Load(payload, _ram.Memory, _map));
        foreach (string message in messages) Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(_ram.Memory.TryRead(address, bytes));
        return bytes;
    }

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private sealed class FakeVcpu : IVcpu
    {
        public uint Id => 0;
        public X86Registers Registers { get; set; }
        public X86SystemRegisters SystemRegisters { get; set; } = new() { ApicBase = 0xFEE0_0900, Cr4 = 0x20, Efer = 0x500 };
        public void ClearExitRequest() { }
        public void Dispose() { }
        public void Initialize(in VcpuSetup setup) { }
        public void InjectNmi() { }
        public void NotifyPaused() { }
        public void RequestExit() { }
        public void Run(out VmExit exit) => throw new NotSupportedException();
        public bool TryTranslate(ulong linear, out ulong physical) => throw new NotSupportedException();
    }
}
