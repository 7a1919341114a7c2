using System.Diagnostics;
using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>
/// Hostile case 36: a callback of a plugin never returns. Each test has several VMs side by side, as each waits for a deadline of the host.
/// </summary>
public sealed class HangingPluginTests
{
    private const string Culprit = Misbehaving.Culprit;
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    [Fact]
    public Task Hostile_36_a_plugin_that_never_returns_to_a_vCPU_costs_that_vCPU_and_nothing_else() => Task.WhenAll(
        LosesAVcpuAsync("Virtio", "ReadConfig"), LosesAVcpuAsync("Virtio", "Activate"), LosesAVcpuAsync("Virtio", "StartQueue"),
        LosesAVcpuAsync("Virtio", "StopQueue"), LosesAVcpuAsync("Pci", "WriteBar", "WriteBar or WriteConfig"));

    [Fact]
    public Task Hostile_36_a_plugin_that_never_answers_the_host_holds_the_API_for_a_bounded_time() => Task.WhenAll(
        IsNotMadeAsync("Validate"), IsNotMadeAsync("Create"), IsLatchedAsync("CompletedConfig", "CompletedConfig"), IsLatchedAsync("Gauge", "its counter computed"));

    [Fact]
    public Task Hostile_36_an_unplugged_device_that_never_stops_holds_its_id_for_a_bounded_time_and_the_API_not_at_all() => Task.WhenAll(
        StaysBehindAsync("StopQueue", $"the removed device did not stop ({Culprit}StopQueue has not returned)"),
        StaysBehindAsync("Dispose", $"{Culprit}Dispose did not return within 30 s"),
        EndsMeanwhileAsync());

    private static async Task LosesAVcpuAsync(string door, string callback, string? called = null)
    {
        called ??= callback;
        using var disk = new PatternImage(16);
        using RestVmm vmm = await Misbehaving.StartAsync(
            disk, "stay=1", $$""","misbehaviours":[{"id":"bad","door":"{{door}}","at":"{{callback}}","deed":"Hang"}]""");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("errors 0 second stuck ok", s_deadline);
        await vmm.Process.WaitForAsync($"bad: {Culprit}{called} has not returned for 5 s, and the vCPU that called it waits", s_deadline);

        ApiAnswer pause = await client.PutAsync("vm.pause");
        Assert.Equal(500, pause.Code);
        Assert.True(pause.Errors.Any(text => text.Contains($"device bad, {called}", StringComparison.Ordinal)), pause.ToString());
        await Misbehaving.EndAsync(vmm, client);
    }

    private static async Task IsNotMadeAsync(string callback)
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await Misbehaving.StartAsync(disk, "stay=1", "");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("bystander", s_deadline);

        var clock = Stopwatch.StartNew();
        ApiAnswer answer = await client.PutAsync("vm.add-misbehave", $$"""{"id":"bad","at":"{{callback}}","deed":"Hang"}""");
        Assert.InRange(clock.Elapsed.TotalSeconds, 15, 60);
        Assert.Equal(500, answer.Code);
        Assert.True(answer.Errors.Any(text => text.Contains($"{Culprit}{callback} did not return within 20 s", StringComparison.Ordinal)), answer.ToString());

        Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", """{"id":"bad"}""")).Code);   // the id is free, and the plugin is asked again
        await Misbehaving.EndAsync(vmm, client);
    }

    /// <summary>The device is there, and what is asked of it comes without what it does not answer.</summary>
    private static async Task IsLatchedAsync(string callback, string called)
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await Misbehaving.StartAsync(disk, "stay=1", "");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("bystander", s_deadline);

        Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", $$"""{"id":"bad","at":"{{callback}}","deed":"Hang"}""")).Code);
        for (int time = 0; time < 2; time++)   // the second one does not wait again
        {
            ApiAnswer counters = await client.GetAsync("vm.counters");
            Assert.Equal(200, counters.Code);
            Assert.True(counters.Json.GetProperty("bad").TryGetProperty("plain", out _), counters.ToString());
        }

        string report = await vmm.Process.WaitForAsync($"bad: {Culprit}{called} did not return within 20 s", s_deadline);
        Assert.Contains("the device needs a reset", report, StringComparison.Ordinal);
        Assert.Single(vmm.Process.Log.Split('\n'), line => line.Contains("did not return", StringComparison.Ordinal));
        await Misbehaving.EndAsync(vmm, client);
    }

    private static async Task StaysBehindAsync(string callback, string says)
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await StartEjectingAsync(disk, callback);
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("errors 0 second done ok", s_deadline);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"bad"}""")).Code);

        // The guest lets go of it at once, the plugin does not. Everything else works meanwhile.
        for (int i = 0; i < 50; i++) Assert.Equal(200, (await client.GetAsync("vm.counters")).Code);
        Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", """{"id":"other"}""")).Code);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"other"}""")).Code);
        await vmm.EventAsync("device-removed");
        Assert.Equal(409, (await client.PutAsync("vm.add-misbehave", """{"id":"bad"}""")).Code);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"bad"}""")).Code);
        Assert.DoesNotContain("bad: ", vmm.Process.Log, StringComparison.Ordinal);

        await vmm.Process.WaitForAsync($"bad: {says}", s_deadline);
        await vmm.EventAsync("device-removed", 2);
        Assert.Equal(200, (await client.PutAsync("vm.add-misbehave", """{"id":"bad"}""")).Code);
        await Misbehaving.EndAsync(vmm, client);
    }

    private static async Task EndsMeanwhileAsync()
    {
        using var disk = new PatternImage(16);
        using RestVmm vmm = await StartEjectingAsync(disk, "Dispose");
        using ApiClient client = vmm.Open();
        await vmm.Process.WaitForAsync("errors 0 second done ok", s_deadline);
        Assert.Equal(204, (await client.PutAsync("vm.remove-device", """{"id":"bad"}""")).Code);
        await Misbehaving.EndAsync(vmm, client);
        Assert.Contains("device bad does not stop; what it holds is not given back", vmm.Process.Log, StringComparison.Ordinal);
    }

    private static Task<RestVmm> StartEjectingAsync(PatternImage disk, string callback) => Misbehaving.StartAsync(
        disk, "stay=1 reset=0 eject=1 wait=60000", $$""","misbehaviours":[{"id":"bad","at":"{{callback}}","deed":"Hang"}]""");
}
