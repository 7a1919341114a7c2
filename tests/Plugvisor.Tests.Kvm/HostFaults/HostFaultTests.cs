using Plugvisor.Tests.Kvm.Api;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.HostFaults;

/// <summary>What a host does to its VMM: signals, stops, clocks that jump, limits.</summary>
public sealed class HostFaultTests
{
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    public async Task Hostile_42_A_signal_that_asks_for_the_end_ends_cleanly(string signal)
    {
        using VmmProcess vmm = VmmProcess.Boot("machine", "case=hang");
        await vmm.WaitForAsync("machine boot");
        vmm.Signal(signal);
        Assert.Equal(0, await vmm.WaitForExitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task Hostile_42_A_VMM_that_was_stopped_and_goes_on_loses_no_request()
    {
        using var disk = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.Boot("blk-read", "qd=16 secs=4", "--disk", $"path={disk.Path},image_type=raw");
        await vmm.WaitForAsync("blk-read capacity");
        for (int i = 0; i < 10; i++)
        {
            vmm.Signal("STOP");
            await StateAsync(vmm.Id, 'T');
            vmm.Signal("CONT");
            await StateAsync(vmm.Id, 'S');
        }

        Assert.Contains("errors 0", await vmm.FinishAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    public async Task Hostile_42_A_wall_clock_that_jumps_an_hour_changes_no_deadline_and_no_rate(int seconds)
    {
        using var clock = new ShiftedClock();
        using var disk = new PatternImage(16);
        using VmmProcess vmm = VmmProcess.BootBy(clock.Command, "blk-read", "qd=8 reqs=3000",
            "--disk", $"path={disk.Path},image_type=raw,ops_size=100,ops_refill_time=100", "--watchdog");
        await vmm.WaitForAsync("blk-read capacity");
        clock.Set(TimeSpan.FromSeconds(seconds));

        // 1,000 operations a second, whatever the wall clock says: three seconds, neither none nor for ever.
        string serial = await vmm.FinishAsync(TimeSpan.FromSeconds(30));
        Assert.Contains("errors 0", serial, StringComparison.Ordinal);
        int milliseconds = int.Parse(System.Text.RegularExpressions.Regex.Match(serial, @" ms (\d+) ").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(milliseconds, 2000, 15000);
    }

    [Fact]
    public async Task Hostile_42_without_descriptors_left_a_device_is_refused_in_words_and_everything_else_goes_on()
    {
        using var disk = new PatternImage(1);
        using RestVmm vmm = await RestVmm.StartByAsync(["prlimit", "--nofile=256:256"]);
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("hotplug", "ejects=0 quiet=1 secs=60"))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("hotplug ready");
        string add = $$"""{"path":"{{disk.Path}}","readonly":true,"image_type":"Raw"}""";
        ApiAnswer answer;
        int count = 0;
        while ((answer = await client.PutAsync("vm.add-disk", add)).Code == 200) Assert.True(++count < 32, "the limit is never met");
        Assert.Equal(500, answer.Code);
        Assert.Contains("Too many open files", answer.Body, StringComparison.Ordinal);

        // The refused one left nothing. What the others hold grows until the guest drives the last of them, so all go before there must be room again.
        Assert.Equal(count, (await client.GetAsync("vm.info")).Json.GetProperty("config").GetProperty("disks").GetArrayLength());
        for (int i = 0; i < count; i++) Assert.Equal(204, (await client.PutAsync("vm.remove-device", $$"""{"id":"_disk{{i}}"}""")).Code);
        await vmm.EventAsync("device-removed", times: count);
        Assert.Equal(200, (await client.PutAsync("vm.add-disk", add)).Code);
        Assert.Equal(204, (await client.PutAsync("vm.reboot")).Code);
        Assert.Equal(200, (await client.GetAsync("vmm.ping")).Code);
    }

    [Fact]
    public async Task Hostile_42_a_guest_that_fills_a_file_up_to_the_limit_of_sizes_goes_on_without_it()
    {
        const long Limit = 64 << 20;   // the runtime needs some of it for its own code, so guest RAM is no file
        string file = Path.Combine("/var/tmp", $"plugvisor-test-{Guid.NewGuid():N}.txt");
        try
        {
            using VmmProcess vmm = VmmProcess.BootBy(["prlimit", $"--fsize={Limit}"], "console", $"flood={Limit + (1 << 20)} secs=1",
                "--console", $"file={file}", "--memory", "size=64M,mergeable=on");
            Assert.Contains("console echoed", await vmm.FinishAsync(), StringComparison.Ordinal);
            Assert.Equal(Limit, new FileInfo(file).Length);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Hostile_42_memory_that_the_host_has_not_is_refused_in_words()
    {
        using VmmProcess vmm = VmmProcess.Start(
            "--kernel", GuestImages.Of("hello"), "--serial", "tty", "--console", "off", "--memory", "size=8192G,reserve=on,prefault=on");
        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("memory", vmm.Log, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Unhandled exception", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_42_after_the_kernel_killed_a_VMM_for_its_memory_the_next_one_has_disk_and_socket()
    {
        using var disk = new PatternImage(16);
        string socket = Path.Combine(Path.GetTempPath(), $"plugvisor-{Guid.NewGuid():N}.sock");
        string[] options = ["--api-socket", socket, "--disk", $"path={disk.Path},image_type=raw"];
        try
        {
            // What the OOM killer does: SIGKILL, in the middle of everything.
            using (VmmProcess killed = VmmProcess.Boot("blk-read", "qd=16 secs=30", options))
            {
                await killed.WaitForAsync("blk-read capacity");
                using (ApiClient client = new ApiClient(socket)) Assert.Equal(200, (await client.GetAsync("vmm.ping")).Code);
                killed.Kill();
                Assert.Equal(137, await killed.WaitForExitAsync());
            }

            Assert.True(File.Exists(socket));
            using VmmProcess next = VmmProcess.Boot("blk-read", "qd=16 reqs=1000", options);
            Assert.Contains("errors 0", await next.FinishAsync(), StringComparison.Ordinal);
            Assert.True(disk.IsWhole());
            Assert.False(File.Exists(socket));
        }
        finally
        {
            File.Delete(socket);
            File.Delete(socket + ".lock");
        }
    }

    /// <summary>Waits until the process's main thread is in a state of /proc/PID/stat.</summary>
    private static async Task StateAsync(int process, char state)
    {
        long deadline = Environment.TickCount64 + 10_000;
        while (true)
        {
            string stat = await File.ReadAllTextAsync($"/proc/{process}/stat", TestContext.Current.CancellationToken);
            if (stat[(stat.LastIndexOf(')') + 2)..][0] == state) return;
            Assert.True(Environment.TickCount64 < deadline, stat);
        }
    }
}
