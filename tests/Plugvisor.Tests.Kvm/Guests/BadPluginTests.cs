using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>
/// Hostile case 36: a plugin does the wrong thing in a callback (tests/plugins/misbehaving), while the guest's first vCPU reads a disk and checks every byte
/// (tests/guests/bad-plugin). The device is latched, the report names plugin and callback, and everything else goes on. Those that never return are in <see cref="HangingPluginTests"/>.
/// </summary>
public sealed class BadPluginTests
{
    private const string Culprit = Misbehaving.Culprit;

    [Theory]
    [InlineData("virtio", "ReadConfig WriteConfig Activate StartQueue StopQueue Reset Dispose")]
    [InlineData("pci", "ReadBar WriteBar ReadConfig WriteConfig Reset Dispose")]
    public async Task Hostile_36_a_plugin_that_throws_in_a_callback_breaks_only_that_device(string door, string callbacks)
    {
        string[] names = callbacks.Split(' ');
        using var disk = new PatternImage(16);
        using VmmProcess vmm = Misbehaving.Boot(disk, "wait=60000", [.. names.Select(name => $"at={name},door={door},id={name}")]);

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
        using VmmProcess vmm = Misbehaving.Boot(disk, "wait=60000", ["at=WriteConfig,deed=stray,id=own", "at=WriteConfig,deed=thread,id=lent", "at=WriteConfig,deed=leak,id=leaky"]);

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
        using VmmProcess vmm = Misbehaving.Boot(disk, "wait=60000", ["at=ReadConfig,deed=allocate,id=greedy"]);

        string serial = await vmm.FinishAsync(TimeSpan.FromMinutes(2));

        Assert.True(serial.Contains("errors 0 second done ok"), vmm.Everything());
        Assert.Contains($"greedy: {Culprit}ReadConfig threw OutOfMemoryException", vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_36_a_plugin_that_throws_while_a_device_is_made_leaves_nothing_of_it()
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await Misbehaving.StartAsync(disk, "stay=1", "");
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
        await Misbehaving.EndAsync(vmm, client);
    }
}
