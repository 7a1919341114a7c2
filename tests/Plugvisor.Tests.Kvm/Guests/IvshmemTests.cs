using System.Buffers.Binary;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A BAR that is host memory, shared with this process by a file.</summary>
public sealed class IvshmemTests
{
    [Fact]
    public async Task A_guest_and_a_program_of_the_host_see_each_others_stores()
    {
        using var image = new PatternImage(2);
        using VmmProcess vmm = VmmProcess.Boot("ivshmem", "peer=1 rounds=5", "--ivshmem", $"path={image.Path},size=2M");
        await vmm.WaitForAsync("ivshmem ready");
        Store(image, 1);
        await vmm.WaitForAsync("ivshmem answered");
        using (FileStream file = new(image.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            byte[] first = new byte[8];
            file.ReadExactly(first);
            Assert.Equal(2ul, BinaryPrimitives.ReadUInt64LittleEndian(first));
        }

        Store(image, 3);
        string serial = await vmm.FinishAsync();
        Assert.True(serial.Contains("size 2097152 wrong -1 registers 1 ok"), vmm.Everything());
        Assert.True(serial.Contains("ivshmem moved 5 failed 0 second 0 wrong 0 "), vmm.Everything());
        // What it wrote behind the first sector, but for the last word, which its moves use.
        using var expected = new PatternImage(2, 2);
        Assert.Equal(File.ReadAllBytes(expected.Path)[512..^8], File.ReadAllBytes(image.Path)[512..^8]);
    }

    [Fact]
    public async Task Hostile_25_the_memory_follows_its_bar_while_another_vcpu_reads_it_and_never_lies_where_it_must_not()
    {
        using var image = new PatternImage(1);
        using VmmProcess vmm = VmmProcess.Boot("ivshmem", "rounds=200 cpus=2", "--ivshmem", $"path={image.Path},size=1M", "--cpus", "boot=2");
        string serial = await vmm.FinishAsync();
        Assert.True(serial.Contains("ivshmem moved 200 failed 0 second 1 wrong 0 ") && serial.Contains("ivshmem misplaced 11 failed 0 ok"), vmm.Everything());
        Assert.InRange(vmm.Log.Split("moved BAR 2").Length, 2, 12);
    }

    [Theory]
    [InlineData("size=3M", "power of two")]
    [InlineData("size=2M", "fewer than size=2097152")]
    [InlineData("", "fewer than size=134217728")]
    public async Task A_size_that_cannot_be_ends_the_start_in_words(string size, string words)
    {
        using var image = new PatternImage(1);
        using VmmProcess vmm = VmmProcess.Boot("ivshmem", "", "--ivshmem", $"path={image.Path},{size}".TrimEnd(','));
        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains(words, vmm.Log, StringComparison.Ordinal);
    }

    internal static void Store(PatternImage image, ulong value)
    {
        using FileStream file = new(image.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        file.Write(bytes);
    }
}
