using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

public sealed class BlockTests
{
    private static string Disk(PatternImage image, string more = "") => $"path={image.Path},image_type=raw{more}";

    [Theory]
    [InlineData("qd=1 reqs=500", "")]
    [InlineData("qd=32 reqs=5000", "")]
    [InlineData("qd=32 reqs=5000", ",direct=on")]
    [InlineData("qd=32 reqs=5000", ",readonly=on")]
    [InlineData("qd=32 reqs=5000", ",_disable_io_uring=on")]
    [InlineData("qd=16 reqs=1000 bs=65536 order=seq", "")]
    [InlineData("qd=32 reqs=2000 indirect=0 event=0", "")]
    [InlineData("qd=8 reqs=2000 indirect=1 event=0", "")]
    [InlineData("qd=8 reqs=2000 indirect=0 event=1", ",queue_size=64")]
    public async Task What_the_guest_reads_is_what_is_on_the_disk(string options, string disk)
    {
        using var image = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-read", options, "--disk", Disk(image, disk));

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains(" errors 0 ") && serial.Contains(" ok"), vmm.Everything());
    }

    /// <summary>What is under the disk: a file, or, where this user can make loop devices, block devices with blocks of so many bytes.</summary>
    public static TheoryData<int, string> Media
    {
        get
        {
            var data = new TheoryData<int, string> { { 0, "" }, { 0, ",direct=on" }, { 0, ",direct=on,_disable_io_uring=on" } };
            if (PrivilegedHost.HasLoopDevices)
            {
                data.Add(512, ",direct=on");
                data.Add(4096, "");
                data.Add(4096, ",direct=on");
                data.Add(4096, ",direct=on,_disable_io_uring=on");
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Media))]
    public async Task Any_alignment_of_buffers_and_sectors_works(int block, string disk)
    {
        using var image = new PatternImage(16);
        using (LoopDevice? loop = block == 0 ? null : new LoopDevice(image.Path, block))
        {
            using VmmProcess vmm = VmmProcess.Boot("blk-align", "", "--disk", $"path={loop?.Path ?? image.Path},image_type=raw{disk}");

            string serial = await vmm.FinishAsync();

            Assert.True(serial.Contains(" ok"), vmm.Everything());
            if (block != 0) Assert.True(serial.Contains($"block {block}"), vmm.Everything());
        }
        Assert.True(image.IsWhole());
    }

    [Theory]
    [InlineData("reqs=200")]
    [InlineData("reqs=800 qd=8")]
    public async Task Every_batch_of_completions_interrupts(string options)
    {
        using var image = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-irq", options, "--disk", Disk(image));

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains(" late 0 ok"), vmm.Everything());
    }

    [Theory]
    [InlineData("")]
    [InlineData(",direct=on")]
    public async Task What_was_flushed_survives_a_kill_of_the_vmm(string disk)
    {
        using var image = new PatternImage(64, seed: null);
        string acknowledged;
        using (VmmProcess writer = VmmProcess.Boot("blk-write", "reqs=0 qd=16 flush=16", "--disk", Disk(image, disk)))
        {
            await writer.WaitForAsync("flushed 480");
            writer.Kill();
            await writer.WaitForExitAsync();
            string[] lines = writer.Serial.Split('\n')[..^1];
            acknowledged = lines.Last(line => line.StartsWith("flushed ", StringComparison.Ordinal))["flushed ".Length..].Trim();
        }
        using VmmProcess reader = VmmProcess.Boot("blk-verify", $"upto={acknowledged}", "--disk", Disk(image));

        string serial = await reader.FinishAsync();

        Assert.True(serial.Contains(" lost 0 ok"), reader.Everything());
    }

    [Fact]
    public async Task Two_disks_are_two_devices()
    {
        using var first = new PatternImage(16);
        using var second = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", "case=1", "--disk", Disk(first), Disk(second));

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("case 1 ok"), vmm.Everything());
    }
}
