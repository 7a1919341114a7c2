using System.Text.Json;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>Plugins that come to a running VMM, are used by its guest and go.</summary>
public sealed class PluginLoadingTests
{
    private static string Tiny { get; } = Path.Combine(Repository.Root, "artifacts", "test-plugins", "tiny");

    private static string Load { get; } = $$"""{"path":"{{Tiny}}"}""";

    private const string Unload = """{"id":"tiny"}""";

    private const UnixFileMode Usable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Fact]
    public async Task Five_hundred_rounds_leave_nothing_behind()
    {
        using RestVmm vmm = await RestVmm.StartTidyAsync();
        using ApiClient client = vmm.Open();
        const int Rounds = 500, Settled = 100;
        await BootAsync(vmm, client, "ejects=0 quiet=1 secs=300");
        ResourceUse? start = null;
        for (int i = 0; i < Rounds; i++)
        {
            if (i == Settled) start = ResourceUse.Of(vmm.Process.Id);
            if (i == Rounds - 1) await start!.HoldsAsync(vmm.Process.Id, descriptors: 8, threads: 4, kib: 8192);
            ApiAnswer loaded = await client.PutAsync("vmm.load-plugin", Load);
            Assert.True(loaded.Code == 200, $"round {i}: {loaded}{vmm.Process.Everything()}");
            ApiAnswer added = await client.PutAsync("vm.add-tiny", """{"id":"t"}""");
            Assert.True(added.Code == 200, $"round {i}: {added}{vmm.Process.Everything()}");
            Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"t"}""")).Code);
            Assert.Equal("unloaded", await UnloadAsync(vmm, client, i));
        }

        Assert.DoesNotContain("tiny", (await client.GetAsync("vmm.plugins")).Body, StringComparison.Ordinal);
        Assert.Equal(204, (await client.PutAsync("vm.shutdown")).Code);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_threw_wherever_it_can_is_unloaded_all_the_same()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        await BootAsync(vmm, client, "ejects=0 secs=300");
        foreach (string mischief in new[] { "throw-config", "throw-activate", "throw-serve", "throw-thread", "throw-dispose", "throw-create" })
        {
            Assert.Equal(200, (await client.PutAsync("vmm.load-plugin", Load)).Code);
            ApiAnswer added = await client.PutAsync("vm.add-tiny", $$"""{"id":"{{mischief}}","mischief":"{{mischief}}"}""");
            if (mischief == "throw-create")
            {
                Assert.Equal((500, "no disk today"), (added.Code, added.Errors[^1]));
            }
            else
            {
                Assert.True(added.Code == 200, $"{mischief}: {added}{vmm.Process.Everything()}");
                // The guest has seen it, so it has thrown.
                string slot = Convert.ToInt32(added.Json.GetProperty("bdf").GetString()![8..10], 16).ToString(System.Globalization.CultureInfo.InvariantCulture);
                await vmm.Process.WaitForAsync($"slot {slot} came");
                Assert.Equal(204, (await client.PutAsync("vm.remove-device", $$"""{"id":"{{mischief}}"}""")).Code);
            }

            Assert.Equal("unloaded", await UnloadAsync(vmm, client));
        }
    }

    [Fact]
    public async Task Hostile_36_a_plugin_under_load_is_refused_and_is_unloaded_as_soon_as_its_machine_is_gone()
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(200, (await client.PutAsync("vmm.load-plugin", Load)).Code);
            Assert.Equal(204, (await client.PutAsync(
                "vm.create", RestVmm.ConfigOf("blk-read", "bs=512 qd=16 secs=300 verify=0", ""","tinies":[{"id":"busy"}]"""))).Code);
            Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
            long deadline = Environment.TickCount64 + 60_000;
            while ((await client.GetAsync("vm.counters")).Json.GetProperty("busy").GetProperty("requests").GetUInt64() < 1000)
                Assert.True(Environment.TickCount64 < deadline, vmm.Process.Everything());
            ApiAnswer refused = await client.PutAsync("vmm.unload-plugin", Unload);
            Assert.Equal((409, "plugin tiny is in use by busy: remove it first"), (refused.Code, refused.Errors[^1]));
            Assert.Equal(204, (await client.PutAsync("vm.delete")).Code);   // with requests in flight
            Assert.Equal("unloaded", await UnloadAsync(vmm, client, round));
        }
    }

    [Theory]
    [InlineData("thread", "device bad left a thread running: tiny-lingers")]
    [InlineData("own-thread", "tiny-secret")]
    [InlineData("hang-dispose", "something refers to the object of device bad")]
    [InlineData("timer", "is called by a timer")]
    [InlineData("handler", "is a handler on AppDomain.ProcessExit")]
    public async Task What_holds_a_plugin_is_told_in_the_answer_the_list_and_the_log(string mischief, string holder)
    {
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        await BootAsync(vmm, client, "ejects=0 secs=300");
        Assert.Equal(200, (await client.PutAsync("vmm.load-plugin", Load)).Code);
        Assert.Equal(200, (await client.PutAsync("vm.add-tiny", $$"""{"id":"bad","mischief":"{{mischief}}"}""")).Code);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"bad"}""")).Code);
        Assert.Equal("leaked", await UnloadAsync(vmm, client));
        JsonElement leaked = (await client.GetAsync("vmm.plugins")).Json.EnumerateArray().Single(plugin => plugin.GetProperty("name").GetString() == "tiny");
        Assert.Equal("leaked", leaked.GetProperty("status").GetString());
        Assert.Contains(holder, leaked.GetProperty("reason").GetString(), StringComparison.Ordinal);
        await vmm.Process.WaitForAsync("plugin tiny was unloaded, but its code stays in memory: ");
        await vmm.EventAsync("plugin-leaked");

        // It takes its memory and nothing else: the next one works.
        Assert.Equal(200, (await client.PutAsync("vmm.load-plugin", Load)).Code);
        Assert.Equal(200, (await client.PutAsync("vm.add-tiny", """{"id":"good"}""")).Code);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"good"}""")).Code);
        Assert.Equal("unloaded", await UnloadAsync(vmm, client));
    }

    [Fact]
    public async Task A_folder_that_comes_into_a_watched_directory_is_a_plugin_and_one_that_goes_is_none()
    {
        string directory = Directory.CreateTempSubdirectory("plugvisor-watched").FullName, folder = Path.Combine(directory, "tiny");
        try
        {
            using RestVmm vmm = await RestVmm.StartAsync("-v", "--watch-plugins", "--plugin-dir", Path.Combine(Repository.Root, "out", "plugins"), directory);
            using ApiClient client = vmm.Open();
            await vmm.Process.WaitForAsync("watching plugins; ");
            CopyTiny(folder);
            await vmm.EventAsync("plugin-loaded");
            await BootAsync(vmm, client, "ejects=0 secs=120");
            Assert.Equal(200, (await client.PutAsync("vm.add-tiny", """{"id":"t"}""")).Code);
            await vmm.Process.WaitForAsync("capacity 8 status 0");

            Directory.Delete(folder, recursive: true);
            await vmm.Process.WaitForAsync($"plugin folder {folder} is gone, but: plugin tiny is in use by t: remove it first");
            Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"t"}""")).Code);
            await vmm.EventAsync("plugin-unloaded");
            Assert.Equal(404, (await client.PutAsync("vm.add-tiny", "{}")).Code);
        }
        finally
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_watched_folder_that_may_not_be_read_is_named_and_the_others_stay()
    {
        string directory = Directory.CreateTempSubdirectory("plugvisor-watched").FullName, shut = Path.Combine(directory, "shut");
        // So many that some are listed before the plugin, in whatever order the file system lists them.
        string[] closed = [.. Enumerable.Range(0, 12).Select(i => Path.Combine(directory, $"closed{i}"))];
        try
        {
            CopyTiny(Path.Combine(directory, "tiny"));
            CopyTiny(shut);
            File.SetUnixFileMode(shut, UnixFileMode.None);
            // Root may read everything, unless these two capabilities are gone.
            string[] command = Environment.IsPrivilegedProcess
                ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"] : [];
            using RestVmm vmm = await RestVmm.StartByAsync(command, "-v", "--watch-plugins", "--plugin-dir", directory);
            await vmm.Process.WaitForAsync("watching plugins; ");
            using ApiClient client = vmm.Open();

            foreach (string folder in closed) Directory.CreateDirectory(folder, UnixFileMode.None);
            foreach (string folder in closed) await vmm.Process.WaitForAsync($"plugin folder {folder} changed, but: plugin {Path.GetFileName(folder)} cannot be used: it can not be read: ");
            Assert.Contains("\"kind\":\"tiny\"", (await client.GetAsync("vmm.plugins")).Body, StringComparison.Ordinal);
            Assert.DoesNotContain("plugin-unloaded", await File.ReadAllTextAsync(vmm.EventFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);

            // One that may be read at last is a plugin like any other.
            Directory.Delete(Path.Combine(directory, "tiny"), recursive: true);
            await vmm.EventAsync("plugin-unloaded");
            File.SetUnixFileMode(shut, Usable);
            await vmm.EventAsync("plugin-loaded");
        }
        finally
        {
            foreach (string folder in closed.Append(shut).Where(Directory.Exists)) File.SetUnixFileMode(folder, Usable);
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void CopyTiny(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Tiny)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    /// <summary>Unloads it as soon as the guest has let go of its device.</summary>
    private static async Task<string> UnloadAsync(RestVmm vmm, ApiClient client, int round = 0)
    {
        ApiAnswer answer;
        long deadline = Environment.TickCount64 + 60_000;
        do answer = await client.PutAsync("vmm.unload-plugin", Unload);
        while (answer.Code == 409 && Environment.TickCount64 < deadline);
        Assert.True(answer.Code == 200, $"round {round}: {answer}{vmm.Process.Everything()}");
        return answer.Json.GetProperty("status").GetString()!;
    }

    private static async Task BootAsync(RestVmm vmm, ApiClient client, string options)
    {
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("hotplug", options))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("hotplug ready");
    }
}
