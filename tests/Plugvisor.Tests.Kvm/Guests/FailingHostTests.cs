using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>
/// Hostile case 29 with a host that really fails: the guest sees I/O errors or a late answer, its queue lives, the other disk notices nothing.
/// What needs loop devices runs where there are some for this user.
/// </summary>
public sealed class FailingHostTests
{
    public static TheoryData<string> Faults
    {
        get
        {
            var data = new TheoryData<string> { "a file that shrinks", "a full filesystem" };
            if (PrivilegedHost.HasLoopDevices) data.AddRange("a failing block device", "a frozen filesystem");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Hostile_29_A_host_that_fails_one_disk_harms_no_other_and_the_queue_lives(string fault)
    {
        using var image = new PatternImage(16);
        using var bystander = new PatternImage(16);
        switch (fault)
        {
            case "a file that shrinks":
                await ShrinkAsync(image, bystander);
                break;
            case "a full filesystem":
                await FillAsync(image, bystander);
                break;
            case "a failing block device":
                await FailAsync(image, bystander);
                break;
            default:
                await FreezeAsync(image, bystander);
                break;
        }
    }

    private static async Task ShrinkAsync(PatternImage image, PatternImage bystander)
    {
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", "case=29", Disks(image.Path, bystander));
        await vmm.WaitForAsync("case 29 ready");
        image.Truncate(8 << 20);
        await FinishAsync(vmm, "image became shorter");
    }

    /// <summary>A tmpfs with room for 64 KiB of the image's last 256, which are a hole.</summary>
    private static async Task FillAsync(PatternImage image, PatternImage bystander)
    {
        string folder = Directory.CreateTempSubdirectory("plugvisor-test-").FullName;
        try
        {
            string[] command = PrivilegedHost.InOwnMounts($"""
                mount -t tmpfs -o size=16192k none {folder}
                head -c 16128k {image.Path} >{folder}/disk.img
                truncate -s 16M {folder}/disk.img
                """);
            using VmmProcess vmm = VmmProcess.BootBy(command, "blk-hostile", "case=29 op=write", Disks($"{folder}/disk.img", bystander));
            await FinishAsync(vmm, "filesystem is full");
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    /// <summary>A loop device whose file ends before it does: a medium with bad sectors.</summary>
    private static async Task FailAsync(PatternImage image, PatternImage bystander)
    {
        using var loop = new LoopDevice(image.Path);
        using VmmProcess vmm = VmmProcess.Boot("blk-hostile", "case=29", Disks(loop.Path + ",direct=on", bystander));
        await vmm.WaitForAsync("case 29 ready");
        image.Truncate(8 << 20);
        await FinishAsync(vmm, "Input/output error");
    }

    private static async Task FreezeAsync(PatternImage image, PatternImage bystander)
    {
        string folder = Directory.CreateTempSubdirectory("plugvisor-test-").FullName;
        try
        {
            string[] command = PrivilegedHost.InOwnMounts($"""
                truncate -s 48M {image.Path}.ext4
                mkfs.ext4 -q {image.Path}.ext4
                mount -o loop {image.Path}.ext4 {folder}
                rm {image.Path}.ext4
                cp {image.Path} {folder}/disk.img
                """);
            using VmmProcess vmm = VmmProcess.BootBy(command, "blk-hostile", "case=29 op=stall", Disks($"{folder}/disk.img", bystander));
            void Freeze(string how) => PrivilegedHost.Run("nsenter", "--target", $"{vmm.Id}", "--mount", "fsfreeze", how, folder);
            await vmm.WaitForAsync("case 29 ready");
            Freeze("--freeze");
            try
            {
                await vmm.WaitForAsync("case 29 resetting");
            }
            finally
            {
                Freeze("--unfreeze");   // whatever has happened: else the process could not end
            }

            await FinishAsync(vmm, "");
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    private static string[] Disks(string first, PatternImage second) =>
        ["--cpus", "boot=2", "--disk", $"path={first},image_type=raw", $"path={second.Path},image_type=raw"];

    private static async Task FinishAsync(VmmProcess vmm, string words)
    {
        string serial = await vmm.FinishAsync();
        Assert.True(serial.Contains("case 29 ok"), vmm.Everything());
        Assert.True(vmm.Log.Contains(words), vmm.Everything());
        // One line for a state, not one for an event.
        Assert.True(vmm.Log.Split('\n').Length < 10, vmm.Everything());
    }
}
