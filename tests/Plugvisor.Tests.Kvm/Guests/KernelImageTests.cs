using System.Buffers.Binary;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class KernelImageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("plugvisor-kernels-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_bzimage_starts_at_its_32_bit_entry_with_the_zero_page()
    {
        using VmmProcess vmm = VmmProcess.Start(
            "--kernel", Write("bzImage", BzImage()), "--cmdline", "one two=3", "--serial", "tty", "--console", "off", "--memory", "size=64M");

        Assert.Equal("one two=3", (await vmm.FinishAsync()).Trim());
    }

    [Theory]
    [InlineData("size=128M,shared=on")]
    [InlineData("size=128M,mergeable=on")]
    [InlineData("size=128M,prefault=on")]
    [InlineData("size=128M,reserve=on,thp=off")]
    [InlineData("size=6G")]
    public async Task Guests_run_on_memory_of_every_kind(string memory)
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--memory", memory);

        Assert.Equal("hello", (await vmm.FinishAsync()).Trim());
    }

    [Fact]
    public async Task Memory_of_huge_pages_that_the_host_has_not_is_refused_with_the_way_out()
    {
        // More than any host that runs this has reserved.
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--memory", "size=1024G,hugepages=on,hugepage_size=2M");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("not enough huge pages", vmm.Log, StringComparison.Ordinal);
        Assert.Contains("nr_hugepages", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bad_kernel_ends_with_exit_code_1_and_names_the_file()
    {
        byte[] truncated = BzImage()[..^64];
        await RefusedAsync(Write("truncated", truncated), "is it truncated?");
        await RefusedAsync(Write("text", "#!/bin/sh\n"u8.ToArray()), "Kernel lacks PVH header");
        await RefusedAsync(Path.Combine(_folder, "missing"), "does not exist");
    }

    private async Task RefusedAsync(string kernel, string message)
    {
        using VmmProcess vmm = VmmProcess.Start("--kernel", kernel, "--serial", "tty", "--console", "off", "--memory", "size=64M");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains(kernel, vmm.Log, StringComparison.Ordinal);
        Assert.Contains(message, vmm.Log, StringComparison.Ordinal);
        Assert.Equal("", vmm.Serial);
    }

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>
    /// A bzImage of protocol 2.15 whose kernel reloads its segments from the descriptor table that it was given, prints the command
    /// line that the zero page points at, and powers off.
    /// </summary>
    private static byte[] BzImage()
    {
        const int SetupSectors = 1, Offset = (SetupSectors + 1) * 512;
        byte[] code =
        [
            0x66, 0xB8, 0x18, 0x00,                     // mov $0x18, %ax
            0x8E, 0xD8,                                 // mov %ax, %ds
            0x8E, 0xC0,                                 // mov %ax, %es
            0xEA, 0x0F, 0x00, 0x10, 0x00, 0x10, 0x00,   // ljmp $0x10, $0x10000f
            0x8B, 0xBE, 0x28, 0x02, 0x00, 0x00,         // mov 0x228(%esi), %edi
            0x66, 0xBA, 0xF8, 0x03,                     // mov $0x3f8, %dx
            0x8A, 0x07,                                 // 1: mov (%edi), %al
            0x84, 0xC0,                                 // test %al, %al
            0x74, 0x04,                                 // jz 2f
            0xEE,                                       // out %al, (%dx)
            0x47,                                       // inc %edi
            0xEB, 0xF6,                                 // jmp 1b
            0x66, 0xBA, 0x00, 0x06,                     // 2: mov $0x600, %dx
            0xB0, 0x34,                                 // mov $0x34, %al
            0xEE,                                       // out %al, (%dx)
            0xF4,                                       // 3: hlt
            0xEB, 0xFD,                                 // jmp 3b
        ];
        var image = new byte[Offset + 4096];
        image[0x1F1] = SetupSectors;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x1F4), 4096 / 16);
        image[0x200] = 0xEB;
        image[0x201] = 0x6A;
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x020F);
        image[0x211] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x22C), 0x7FFF_FFFF);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x230), 0x20_0000);
        image[0x234] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x258), 0x100_0000);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x260), 0x1000);
        code.CopyTo(image, Offset);
        return image;
    }
}
