using System.Diagnostics;
using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>
/// Hostile case 36: a plugin does the wrong thing in a callback (tests/plugins/misbehaving), while the guest's first vCPU reads a disk and checks every byte
/// (tests/guests/bad-plugin). The device is latched, the report names plugin and callback, and everything else goes on.
/// </summary>
public sealed class BadPluginTests
{
    private const string Culprit = "plugin misbehaving: ";

    private static readonly string[] s_directories =
        ["--plugin-dir", Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins"), TestPlugins.Folder];

    [Theory]
    [InlineData("virtio", "ReadConfig WriteConfig Activate StartQueue StopQueue Reset Dispose")]
    [InlineData("pci", "ReadBar WriteBar ReadConfig WriteConfig Reset Dispose")]
    public async Task Hostile_36_a_plugin_that_throws_in_a_callback_breaks_only_that_device(string door, string callbacks)
    {
        string[] names = callbacks.Split(' ');
        using var disk = new PatternImage(16);
        using VmmProcess vmm = Boot(disk, "", [.. names.Select(name => $"at={name},door={door},id={name}")]);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("errors 0 second done ok"), vmm.Everything());
        foreach (string name in names)
        {
            Assert.True(vmm.Log.Contains($"{name}: {Culprit}{name}", StringComparison.Ordinal), $"nothing about {name}{vmm.Everything()}");
            Assert.DoesNotContain(vmm.Log.Split('\n'), line => line.Contains($" {name}: {Culprit}") && !line.Contains($"{Culprit}{name}") && name != "StopQueue");
        }

        Assert.InRange(vmm.Log.Split('\n').Length, names.Length, 40);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_whose_threads_throw_or_stay_breaks_only_its_device()
    {
        using var disk = new PatternImage(16);
        using VmmProcess vmm = Boot(disk, "", ["at=WriteConfig,deed=stray,id=own", "at=WriteConfig,deed=thread,id=lent", "at=WriteConfig,deed=leak,id=leaky"]);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains("errors 0 second done ok"), vmm.Everything());
        Assert.Contains("an exception left its own thread stray: InvalidOperationException", vmm.Log, StringComparison.Ordinal);
        Assert.Contains($"lent: {Culprit}its thread bad_thread threw InvalidOperationException: on purpose; the device needs a reset", vmm.Log, StringComparison.Ordinal);
        Assert.Contains($"leaky: {Culprit}Dispose left threads running (bad_leak)", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_allocates_without_end_runs_into_the_bound_of_the_heap()
    {
        using var disk = new PatternImage(16);
        using VmmProcess vmm = Boot(disk, "wait=60000", ["at=ReadConfig,deed=allocate,id=greedy"]);

        string serial = await vmm.FinishAsync(TimeSpan.FromMinutes(2));

        Assert.True(serial.Contains("errors 0 second done ok"), vmm.Everything());
        Assert.Contains($"greedy: {Culprit}ReadConfig threw OutOfMemoryException", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_throws_while_a_device_is_made_leaves_nothing_of_it()
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await StartAsync(disk, "stay=1", "");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("bystander");
        foreach (string at in new[] { "Validate", "Create", "Traits", "Traits pci", "Attach pci" })
        {
            string name = at.Split(' ')[0];
            string door = at.EndsWith("pci", StringComparison.Ordinal) ? "Pci" : "Virtio";
            ApiAnswer answer = await client.PutAsync("vm.add-misbehave", $$"""{"id":"bad","at":"{{name}}","door":"{{door}}"}""");
            Assert.True(answer.Code == 500, $"{at}: {answer}{vmm.Process.Everything()}");
            Assert.Contains(answer.Errors, text => text.Contains(Culprit, StringComparison.Ordinal) && text.Contains($"{name} ", StringComparison.Ordinal));
        }

        // These are made all the same: what is wrong with them shows later.
        foreach (string at in new[] { "CompletedConfig", "Gauge" })
            Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", $$"""{"id":"{{at}}","at":"{{at}}"}""")).Code);
        ApiAnswer counters = await client.GetAsync("vm.counters");
        Assert.Equal(200, counters.Code);
        Assert.True(counters.Json.TryGetProperty("_disk0", out _) && counters.Json.GetProperty("Gauge").TryGetProperty("plain", out _), counters.ToString());
        Assert.Contains($"CompletedConfig: {Culprit}CompletedConfig threw InvalidOperationException", vmm.Process.Log, StringComparison.Ordinal);
        Assert.Contains($"Gauge: {Culprit}its counter computed threw InvalidOperationException", vmm.Process.Log, StringComparison.Ordinal);
        await EndAsync(vmm, client);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_never_returns_to_a_vCPU_costs_that_vCPU_and_nothing_else()
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await StartAsync(disk, "stay=1", ""","misbehaviours":[{"id":"bad","at":"ReadConfig","deed":"Hang"}]""");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("errors 0 second stuck ok");
        await vmm.Process.WaitForAsync($"bad: {Culprit}ReadConfig has not returned for 5 s, and the vCPU that called it waits");

        ApiAnswer pause = await client.PutAsync("vm.pause");
        Assert.Equal(500, pause.Code);
        Assert.Contains(pause.Errors, text => text.Contains("device bad, ReadConfig", StringComparison.Ordinal));
        await EndAsync(vmm, client);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_never_makes_its_device_holds_the_API_for_a_bounded_time()
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await StartAsync(disk, "stay=1", "");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("bystander");

        var clock = Stopwatch.StartNew();
        ApiAnswer answer = await client.PutAsync("vm.add-misbehave", """{"id":"bad","at":"Create","deed":"Hang"}""");
        Assert.InRange(clock.Elapsed.TotalSeconds, 15, 60);
        Assert.Equal(500, answer.Code);
        Assert.Contains(answer.Errors, text => text.Contains($"{Culprit}Create did not return within 20 s", StringComparison.Ordinal));

        Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", """{"id":"bad"}""")).Code);   // the id is free, and the plugin is asked again
        await EndAsync(vmm, client);
    }

    /// <summary>The disk works, the API answers, the process ends by itself.</summary>
    private static async Task EndAsync(RestVmm vmm, ApiClient client)
    {
        foreach (string question in new[] { "vmm.ping", "vm.info", "vm.counters" })
        {
            ApiAnswer answer = await client.GetAsync(question);
            Assert.True(answer.Code == 200, $"{question}: {answer}{vmm.Process.Everything()}");
        }

        ulong before = await DiskReadsAsync(client);
        long deadline = Environment.TickCount64 + 60_000;
        while (await DiskReadsAsync(client) == before) Assert.True(Environment.TickCount64 < deadline, $"the disk stands still{vmm.Process.Everything()}");
        Assert.Equal(200, (await client.PutAsync("vmm.shutdown")).Code);
        await vmm.Process.FinishAsync();
    }

    private static async Task<ulong> DiskReadsAsync(ApiClient client) =>
        (await client.GetAsync("vm.counters")).Json.GetProperty("_disk0").GetProperty("read_ops").GetUInt64();

    private static VmmProcess Boot(PatternImage disk, string options, string[] devices) => VmmProcess.Boot(
        "bad-plugin", options, ["--cpus", "boot=2", .. s_directories, "--disk", $"path={disk.Path},image_type=raw", "--misbehave", .. devices]);

    private static async Task<RestVmm> StartAsync(PatternImage disk, string options, string more)
    {
        RestVmm vmm = await RestVmm.StartAsync(s_directories);
        string config = RestVmm.ConfigOf("bad-plugin", options,
            $$""","cpus":{"boot_vcpus":2,"max_vcpus":2},"disks":[{"path":"{{disk.Path}}","image_type":"Raw"}]{{more}}""");
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", config)).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        return vmm;
    }
}
