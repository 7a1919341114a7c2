using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>Devices that Debian has no driver for, whose code is replaced under a guest; and those that refuse it.</summary>
public sealed class OtherReplacementTests
{
    [Fact]
    public async Task A_watchdog_answers_every_ping_and_resets_a_guest_that_hung_before_its_code_was_replaced()
    {
        using RestVmm vmm = await RestVmm.StartAsync("-v");
        using ApiClient client = vmm.Open();
        await BootAsync(client, "watchdog", "pings=1500 ms=1 hang=halt", ",\"watchdog\":true");
        for (int i = 0; i < 5; i++)
        {
            await CountedAsync(vmm, client, "__watchdog", "pings", 20);
            await ReloadAsync(vmm, client, "virtio-watchdog");
        }

        await vmm.Process.WaitForAsync("pings 1500 of 1500 again 1 ok");
        await ReloadAsync(vmm, client, "virtio-watchdog");
        // 15 to 35 s after the last ping by the new code's clock.
        await vmm.Process.WaitForAsync("watchdog: no ping for ", TimeSpan.FromMinutes(3));
        await vmm.EventAsync("rebooted");
    }

    [Fact]
    public async Task Shared_memory_refuses_in_words_and_stays_shared()
    {
        using var image = new PatternImage(2);
        using RestVmm vmm = await RestVmm.StartAsync();
        using ApiClient client = vmm.Open();
        await BootAsync(client, "ivshmem", "peer=1 rounds=5", $$""","ivshmem":{"path":"{{image.Path}}","size":2097152}""");
        await vmm.Process.WaitForAsync("ivshmem ready");
        await RefusedAsync(client, "ivshmem", "__ivshmem");
        IvshmemTests.Store(image, 1);
        await vmm.Process.WaitForAsync("ivshmem answered");
        await RefusedAsync(client, "ivshmem", "__ivshmem");
        IvshmemTests.Store(image, 3);
        Assert.Contains("size 2097152 wrong -1 registers 1 ok", await vmm.Process.FinishAsync(), StringComparison.Ordinal);
    }

    private static async Task BootAsync(ApiClient client, string guest, string options, string more)
    {
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf(guest, options, more))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
    }

    private static async Task ReloadAsync(RestVmm vmm, ApiClient client, string plugin)
    {
        ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", $$"""{"id":"{{plugin}}"}""");
        Assert.True(answer.Code == 200, $"{answer}{vmm.Process.Everything()}");
        await vmm.Process.WaitForAsync($"plugin {plugin}: 1 of its devices stood still");
    }

    private static async Task RefusedAsync(ApiClient client, string plugin, string device)
    {
        ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", $$"""{"id":"{{plugin}}"}""");
        Assert.Equal(500, answer.Code);
        Assert.Contains($"plugin {plugin} is not replaced", answer.Errors);
        Assert.Contains(answer.Errors, line => line.StartsWith($"device {device} cannot go on with other code: ", StringComparison.Ordinal));
    }

    /// <summary>Waits until a device has counted so many more.</summary>
    private static async Task CountedAsync(RestVmm vmm, ApiClient client, string device, string name, ulong more)
    {
        ulong? from = null;
        ulong now = 0;
        await vmm.UntilAsync(
            async () =>
            {
                now = (await client.GetAsync("vm.counters")).Json.GetProperty(device).GetProperty(name).GetUInt64();
                from ??= now;
                return now >= from + more;
            },
            () => $"{device} counts no more {name}: {now}");
    }
}
