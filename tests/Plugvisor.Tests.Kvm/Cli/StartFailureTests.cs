using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Cli;

/// <summary>Whatever is wrong at start: the right exit code, a message that names the thing, nothing left behind.</summary>
public sealed class StartFailureTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-cli").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(2, "--bogus", "--bogus")]
    [InlineData(2, "--kernel", "--kernel")]
    [InlineData(2, "--vdpa is no option of the host, and no plugin declares it", "--kernel", "k", "--vdpa", "path=")]
    [InlineData(2, "'--bogus'", "--kernel", "k", "--disk", "path=x", "--bogus", "y")]
    [InlineData(2, "'--bogus'", "--kernel", "--bogus")]
    [InlineData(2, "there is nothing to boot", "--cpus", "boot=2", "--api-socket", "none")]
    [InlineData(2, "--gdb: the debug stub is not there yet", "--kernel", "k", "--gdb", "path=/run/x")]
    [InlineData(2, "--memory is given 2 times", "--kernel", "k", "--memory", "size=1G", "--memory", "size=2G")]
    [InlineData(2, "'frobnicate' is no command", "frobnicate")]
    [InlineData(2, "no directory /nowhere/plugins", "--kernel", "k", "--plugin-dir", "/nowhere/plugins")]
    [InlineData(1, "Unknown option: bogus", "--kernel", "k", "--disk", "path=x,bogus=1")]
    [InlineData(1, "Unknown option: bogus", "--kernel", "k", "--memory", "bogus=1")]
    [InlineData(1, "Max CPUs (1) lower than boot CPUs (2)", "--kernel", "k", "--cpus", "boot=2,max=1")]
    [InlineData(1, "Product of CPU topology parts does not match maximum vCPU", "--kernel", "k", "--cpus", "boot=2,topology=1:1:1:1")]
    [InlineData(1, "topology=1:2 is not four numbers", "--kernel", "k", "--cpus", "boot=2,topology=1:2")]
    [InlineData(1, "Huge page size specified but huge pages not enabled", "--kernel", "k", "--memory", "size=1G,hugepage_size=2M")]
    [InlineData(1, "Invalid to set both 'mergeable' and 'shared' for memory", "--kernel", "k", "--memory", "size=1G,mergeable=on,shared=on")]
    [InlineData(1, "Block queue size must be greater than 2: 2", "--kernel", "k", "--disk", "path=x,queue_size=2")]
    [InlineData(1, "Queue count (2) must not exceed boot vCPUs (1)", "--kernel", "k", "--disk", "path=x,num_queues=2")]
    [InlineData(1, "Identifier a is not unique", "--kernel", "k", "--disk", "path=x,id=a", "path=y,id=a")]
    [InlineData(1, "Identifier __a is not valid", "--kernel", "k", "--disk", "path=x,id=__a")]
    [InlineData(1, "Path missing when using file console mode", "--kernel", "k", "--serial", "file=")]
    [InlineData(1, "unknown token '{bogus}'", "--kernel", "k", "--log-format", "{bogus}")]
    [InlineData(1, "kernel /nowhere/vmlinux does not exist", "--kernel", "/nowhere/vmlinux")]
    [InlineData(1, "/nowhere/log", "--kernel", "k", "--log-file", "/nowhere/log")]
    public async Task A_bad_command_line_is_refused_by_name(int exitCode, string message, params string[] arguments)
    {
        using VmmProcess vmm = VmmProcess.Start(arguments);

        Assert.Equal(exitCode, await vmm.WaitForExitAsync());
        Assert.True(vmm.Log.Contains(message, StringComparison.Ordinal), vmm.Everything());
        Assert.Contains("Error: Cloud Hypervisor exited with the following ", vmm.Log);
        Assert.Equal("", vmm.Serial);
    }

    [Fact]
    public async Task No_arguments_print_the_help_and_are_a_usage_error()
    {
        using VmmProcess vmm = VmmProcess.Start();

        Assert.Equal(2, await vmm.WaitForExitAsync());
        Assert.Contains("--kernel <path>", vmm.Log);
    }

    [Fact]
    public async Task A_file_that_is_no_kernel_is_refused()
    {
        string kernel = Write("kernel", "this is not a kernel, but it is long enough to look for one in it".PadRight(8192));
        using VmmProcess vmm = VmmProcess.Start("--kernel", kernel);

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("Kernel lacks PVH header", vmm.Log);
        Assert.Contains(kernel, vmm.Log);
    }

    [Fact]
    public async Task A_truncated_kernel_is_refused()
    {
        string kernel = Path.Combine(_directory, "hello");
        byte[] whole = await File.ReadAllBytesAsync(GuestImages.Of("hello"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(kernel, whole[..80], TestContext.Current.CancellationToken);
        using VmmProcess vmm = VmmProcess.Start("--kernel", kernel);

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains(kernel, vmm.Log);
    }

    [Fact]
    public async Task A_disk_that_is_not_there_is_named()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--disk", $"path={_directory}/none.img,image_type=raw");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains($"{_directory}/none.img", vmm.Log);
        Assert.Equal("", vmm.Serial);
    }

    [Fact]
    public async Task A_disk_that_another_vm_writes_to_is_refused_until_that_is_gone()
    {
        string disk = $"path={Write("disk.img", new string('\0', 1 << 20))},image_type=raw";
        using (VmmProcess first = VmmProcess.Boot("console", "", "--console", "null", "--disk", disk))
        {
            await first.WaitForAsync("console ready");
            using VmmProcess second = VmmProcess.Boot("hello", "", "--disk", disk);

            Assert.Equal(1, await second.WaitForExitAsync());
            Assert.Contains("Error locking disk images: Another instance likely holds a lock", second.Log);
            Assert.Contains("disk.img", second.Log);
            first.Kill();
            await first.WaitForExitAsync();
        }

        using VmmProcess third = VmmProcess.Boot("hello", "", "--disk", disk);
        Assert.Equal("hello", (await third.FinishAsync()).Trim());
    }

    [Fact]
    public async Task Memory_that_the_host_does_not_have_is_refused_when_it_is_to_be_prefaulted()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--memory", "size=1024G,prefault=on");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("of guest memory cannot be prefaulted", vmm.Log);
    }

    [Fact]
    public async Task Memory_that_does_not_fit_the_address_space_is_refused()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--memory", "size=1024G", "--cpus", "boot=1,max_phys_bits=36");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("do not fit in guest addresses of 36 bits", vmm.Log);
    }

    [Fact]
    public async Task A_socket_of_a_start_that_failed_is_gone()
    {
        string socket = Path.Combine(_directory, "serial.sock");
        using VmmProcess vmm = VmmProcess.Start("--kernel", "/nowhere/vmlinux", "--serial", $"socket={socket}");

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }
}
