using System.Diagnostics;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Remote;

/// <summary>Every command of plugvisor-remote on a real plugvisor, with real guests, over the socket and over D-Bus.</summary>
public sealed class RemoteTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_vm_lives_its_whole_life(bool overDBus)
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus, "--no-shutdown");
        JsonElement ping = (await vmm.RunAsync("ping")).Succeeded().Json;
        Assert.Equal((vmm.Process.Id, "54.0.0"), (ping.GetProperty("pid").GetInt32(), ping.GetProperty("version").GetString()));

        Assert.Equal("", await vmm.DoAsync("create", vmm.Write("vm.json", RemoteVmm.ConfigOf("console", "secs=60"))));
        Assert.Equal("Created", await vmm.StateAsync());
        Assert.Equal("", await vmm.DoAsync("boot"));
        Assert.Equal("Running", await vmm.StateAsync());
        Assert.Equal("", await vmm.DoAsync("pause"));
        Assert.Equal("Paused", await vmm.StateAsync());
        Assert.Equal("", await vmm.DoAsync("resume"));
        Assert.True((await vmm.RunAsync("counters")).Succeeded().Json.TryGetProperty("__console", out _));
        Assert.Equal("", await vmm.DoAsync("power-button"));
        Assert.Equal("", await vmm.DoAsync("reboot"));
        Assert.Equal("Running", await vmm.StateAsync());
        Assert.Equal("", await vmm.DoAsync("shutdown"));
        Assert.Equal("Created", await vmm.StateAsync());
        Assert.Equal("", await vmm.DoAsync("boot"));
        Assert.Equal("", await vmm.DoAsync("delete"));
        Assert.Equal("", await vmm.DoAsync("delete"));
        Assert.Equal(1, (await vmm.RunAsync("info")).ExitCode);
        Assert.Equal("", await vmm.DoAsync("shutdown-vmm"));
        Assert.Equal(0, await vmm.Process.WaitForExitAsync());
    }

    [Fact]
    public async Task Create_reads_standard_input_and_a_guest_prints()
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("hello"), "create")).Succeeded();
        await vmm.DoAsync("boot");
        Assert.Contains("hello", await vmm.Process.FinishAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_nmi_reaches_the_guest()
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("console", "secs=60"), "create")).Succeeded();
        await vmm.DoAsync("boot");
        await vmm.Process.WaitForAsync("console ready");
        await vmm.DoAsync("nmi");
        await vmm.Process.WaitForAsync("the machine is reset");   // this guest has no use for one
    }

    [Fact]
    public async Task Refusals_are_the_servers_chain()
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        Assert.Equal(
            ["http client error", "Server responded with NotFound", "Error from API", "The VM could not boot", "VM config is missing"], (await vmm.RunAsync("boot")).Chain);
        Assert.Equal("VM is not running", (await vmm.RunAsync("pause")).Chain[^1]);
        (await vmm.RunWithInputAsync("{}", "create")).Succeeded();
        Assert.Equal(
            [
                "http client error", "Server responded with BadRequest", "Error from API", "The VM could not boot", "Failed to validate config",
                "Payload configuration is not bootable", "No bootitem provided: neither firmware nor kernel",
            ], (await vmm.RunAsync("boot")).Chain);
        Assert.Equal("Server responded with InternalServerError", (await vmm.RunWithInputAsync("{}", "create")).Chain[1]);
        Assert.Equal(["Server responded with BadRequest", "Failed to deserialize JSON"], (await vmm.RunWithInputAsync("{\"cpus\":7}", "create")).Chain[1..3]);
        Assert.Equal("No device with id \"nobody\" to remove", (await vmm.RunAsync("remove-device", "nobody")).Chain[^1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Over_d_bus_a_refusal_is_one_text(bool create)
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: true);
        if (create) (await vmm.RunWithInputAsync("{}", "create")).Succeeded();
        Assert.Equal(["dbus zbus client error", "org.freedesktop.DBus.Error.Failed: The VM could not boot"], (await vmm.RunAsync("boot")).Chain);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Devices_come_by_their_options_before_and_after_boot_and_go(bool overDBus)
    {
        using var first = new PatternImage(1);
        using var second = new PatternImage(1);
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("console", "secs=60"), "create")).Succeeded();
        Assert.Equal("", await vmm.DoAsync("add-disk", $"path={first.Path},image_type=raw,id=early,readonly=on"));
        Assert.Equal("", await vmm.DoAsync("add-disk", $"{{\"path\":\"{second.Path}\",\"image_type\":\"Raw\",\"id\":\"gone\"}}"));
        Assert.Equal("", await vmm.DoAsync("remove-device", "gone"));
        await vmm.DoAsync("boot");
        JsonElement added = (await vmm.RunAsync("add-disk", $"path={second.Path},image_type=raw,id=late")).Succeeded().Json;
        Assert.Equal("late", added.GetProperty("id").GetString());
        Assert.Matches("^0000:00:[01][0-9a-f].0$", added.GetProperty("bdf").GetString());
        JsonElement disks = (await vmm.RunAsync("info")).Succeeded().Json.GetProperty("config").GetProperty("disks");
        Assert.Equal(["early", "late"], disks.EnumerateArray().Select(disk => disk.GetProperty("id").GetString()));
        Assert.True(disks[0].GetProperty("readonly").GetBoolean());
        Assert.Equal("", await vmm.DoAsync("remove-device", "late"));   // this guest will not give it back, but has been asked
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_balloon_is_blown_up_and_let_down(bool overDBus)
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("balloon", "changes=2", ",\"balloon\":{\"size\":0}"), "create")).Succeeded();
        await vmm.DoAsync("boot");
        Assert.Equal("", await vmm.DoAsync("resize", "--balloon", "24M"));
        await vmm.Process.WaitForAsync("balloon holds 6144 wrong 0");
        Assert.Equal((256 - 24) << 20, (await vmm.RunAsync("info")).Succeeded().Json.GetProperty("memory_actual_size").GetInt64());
        RemoteRun refused = await vmm.RunAsync("resize", "--balloon", "257M");
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal(overDBus ? "org.freedesktop.DBus.Error.Failed: The VM could not be resized" : "Balloon size (269484032) greater than RAM (268435456)", refused.Chain[^1]);
        Assert.Equal("", await vmm.DoAsync("resize", "--balloon", "0"));
        Assert.Contains("balloon changes 2 wrong 0 lost 0 ok", await vmm.Process.FinishAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_servers_plugins_are_listed_and_serve_where_there_are_none_here()
    {
        using var disk = new PatternImage(1);
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        JsonElement[] plugins = [.. (await vmm.RunAsync("plugins")).Succeeded().Json.EnumerateArray()];
        JsonElement block = plugins.Single(plugin => plugin.GetProperty("name").GetString() == "virtio-blk");
        Assert.Equal(("ready", "disk"), (block.GetProperty("status").GetString(), block.GetProperty("kind").GetString()));

        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("console"), "create")).Succeeded();
        string none = Path.GetDirectoryName(vmm.Write("empty/none", ""))!;
        await vmm.DoAsync("--plugin-dir", none, "add-disk", $"path={disk.Path},image_type=raw,id=d");
        JsonElement disks = (await vmm.RunAsync("info")).Succeeded().Json.GetProperty("config").GetProperty("disks");
        Assert.Equal("d", disks[0].GetProperty("id").GetString());
        string[] chain = [.. (await vmm.RunAsync("--plugin-dir", none, "add-gizmo", "a=b")).Chain];
        Assert.Equal("No plugin of this server has devices of kind gizmo; load-plugin gives it one", chain[1]);
        Assert.StartsWith($"No plugin for devices of kind gizmo in {none}", chain[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_plugin_that_is_loaded_has_its_command_at_once(bool overDBus)
    {
        string tiny = Path.Combine(Repository.Root, "artifacts", "test-plugins", "tiny");
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("hotplug", "ejects=0 secs=120"), "create")).Succeeded();
        await vmm.DoAsync("boot");
        await vmm.Process.WaitForAsync("hotplug ready");
        Assert.Equal(1, (await vmm.RunAsync("add-tiny", "id=t")).ExitCode);

        Assert.Equal("tiny", (await vmm.RunAsync("load-plugin", tiny)).Succeeded().Json.GetProperty("kind").GetString());
        Assert.Equal("t", (await vmm.RunAsync("add-tiny", "id=t,mischief=none")).Succeeded().Json.GetProperty("id").GetString());
        await vmm.Process.WaitForAsync("capacity 8 status 0");
        RemoteRun refused = await vmm.RunAsync("unload-plugin", "tiny");
        Assert.Equal(1, refused.ExitCode);
        Assert.EndsWith("plugin tiny is in use by t: remove it first", refused.Chain[^1], StringComparison.Ordinal);
        Assert.Equal("", await vmm.DoAsync("remove-device", "t"));
        await vmm.Process.WaitForAsync(" ejected");

        // The command loop handles the guest's ejection before what is asked of it later.
        Assert.Equal("ready", (await vmm.RunAsync("reload-plugin", "tiny")).Succeeded().Json.GetProperty("status").GetString());
        Assert.Equal("unloaded", (await vmm.RunAsync("unload-plugin", "tiny")).Succeeded().Json.GetProperty("status").GetString());
        Assert.Equal(1, (await vmm.RunAsync("add-tiny", "id=t")).ExitCode);
        Assert.DoesNotContain("tiny", await vmm.DoAsync("plugins"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_descriptors_of_a_tap_go_along()
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("console", "secs=60"), "create")).Succeeded();
        await vmm.DoAsync("boot");

        // A program that opens a tap and hands its descriptor, number 7, to what it runs.
        const string OpenTap =
            "import fcntl, os, struct, sys\n"
            + "fd = os.open('/dev/net/tun', os.O_RDWR)\n"
            + "fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'pvremote%d', 0x5002))\n"   // TUNSETIFF: IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
            + "os.dup2(fd, 7)\n"
            + "os.execv(sys.argv[1], sys.argv[1:])\n";
        string[] privilege = Environment.IsPrivilegedProcess ? [] : ["unshare", "--user", "--map-root-user", "--net"];
        RemoteRun added = await vmm.RunByAsync([.. privilege, "python3", "-c", OpenTap], "add-net", "fd=[7],id=given,mac=2e:00:00:00:00:01");
        Assert.Equal("given", added.Succeeded().Json.GetProperty("id").GetString());
        JsonElement net = (await vmm.RunAsync("info")).Succeeded().Json.GetProperty("config").GetProperty("net")[0];
        Assert.Equal(("given", "2e:00:00:00:00:01"), (net.GetProperty("id").GetString(), net.GetProperty("mac").GetString()));
        Assert.Equal("0", (await vmm.RunAsync("counters")).Succeeded().Json.GetProperty("given").GetProperty("rx_frames").GetRawText());
    }

    [Fact]
    public async Task What_the_server_cannot_do_yet_it_says()
    {
        (string Line, string Error)[] commands =
        [
            ("resize-disk --disk d --size 1G", "The disk could not be resized"),
            ("resize-zone --id z --size 1G", "The memory zone could not be resized"),
            ("snapshot file:///tmp/none", "The VM could not be snapshotted"),
            ("restore source_url=file:///tmp/none", "The VM could not be restored"),
            ("coredump file:///tmp/none", "The VM could not be coredumped"),
            ("receive-migration unix:/tmp/none", "Error receiving migration"),
            ("send-migration unix:/tmp/none", "Error dispatching the migration worker"),
            ("add-vdpa {}", "The vDPA device could not be added to the VM"),
            ("add-device {}", "The device could not be added to the VM"),
            ("add-user-device {}", "The user device could not be added to the VM"),
            ("add-generic-vhost-user {}", "The generic vhost-user device could not be added to the VM"),
        ];
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        foreach ((string line, string error) in commands)
        {
            RemoteRun run = await vmm.RunAsync(line.Split(' '));
            Assert.Equal(1, run.ExitCode);
            Assert.Equal(["http client error", "Server responded with NotImplemented", "Error from API", error], run.Chain[..4]);
        }
    }

    [Fact]
    public async Task Events_are_followed_until_the_vmm_ends_by_any_number_of_clients()
    {
        using RemoteVmm vmm = await RemoteVmm.StartAsync(overDBus: false);
        using Process first = vmm.Start("events"), second = vmm.Start("events");
        (await vmm.RunWithInputAsync(RemoteVmm.ConfigOf("console", "secs=60"), "create")).Succeeded();
        await vmm.DoAsync("boot");
        Task<string?[]> heard = Task.WhenAll(
            first.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask(), second.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask());
        while (!heard.IsCompleted)
        {
            // They connect when they connect: something happens until both have heard of it.
            await vmm.DoAsync("pause");
            await vmm.DoAsync("resume");
        }

        Assert.All(await heard, line => Assert.Contains("\"source\":\"v", line, StringComparison.Ordinal));
        await vmm.DoAsync("shutdown-vmm");
        foreach (Process client in (Process[])[first, second])
        {
            string rest = await client.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            string[] lines = rest.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.All(lines, line => Assert.True(JsonElement.Parse(line).TryGetProperty("timestamp", out _)));
            Assert.Equal("shutdown", JsonElement.Parse(lines[^1]).GetProperty("event").GetString());
            await client.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, client.ExitCode);
        }
    }
}
