using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>What must not grow, however often it is done.</summary>
public sealed class EnduranceTests
{
    private const int Warm = 1000, Rounds = Warm + 1000;   // the heap takes its last step, of 2 MiB, between the 600th and the 1,000th round

    [Fact]
    public async Task A_thousand_rounds_of_create_boot_and_delete_leave_nothing_behind()
    {
        using RestVmm vmm = await RestVmm.StartTidyAsync();
        using ApiClient client = vmm.Open();
        string disk = vmm.PathOf("disk");
        await using (FileStream file = File.Create(disk)) file.SetLength(1 << 20);
        string config = RestVmm.ConfigOf("machine", "case=halt", $$""","disks":[{"path":"{{disk}}","image_type":"Raw"}]""");

        ResourceUse? start = null;
        for (int i = 0; i < Rounds; i++)
        {
            if (i == Warm) start = ResourceUse.Of(vmm.Process.Id);
            Assert.Equal(204, (await client.PutAsync("vm.create", config)).Code);
            ApiAnswer boot = await client.PutAsync("vm.boot");
            Assert.True(boot.Code == 204, $"round {i}: {boot}{vmm.Process.Everything()}");
            Assert.Equal(204, (await client.PutAsync("vm.delete")).Code);
        }

        await start!.HoldsAsync(vmm.Process.Id, descriptors: 0, threads: 2, kib: 2048);   // two KiB a round would show
        Assert.Equal(200, (await client.PutAsync("vmm.shutdown")).Code);
        Assert.Equal(0, await vmm.Process.WaitForExitAsync());
        Assert.False(File.Exists(vmm.Socket));
    }

    [Fact]
    public async Task Two_thousand_reboots_leave_nothing_behind()
    {
        using RestVmm vmm = await RestVmm.StartTidyAsync();
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("machine", "case=halt"))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        ResourceUse? start = null;
        for (int i = 0; i < 2000; i++)
        {
            if (i == 1000) start = ResourceUse.Of(vmm.Process.Id);
            Assert.Equal(204, (await client.PutAsync("vm.reboot")).Code);
        }

        await start!.HoldsAsync(vmm.Process.Id, descriptors: 0, threads: 2, kib: 4096);
    }

    [Theory]
    [InlineData("reset")]
    [InlineData("triple")]
    public async Task A_guest_that_resets_a_thousand_times_leaves_nothing_behind(string way)
    {
        using RestVmm vmm = await RestVmm.StartTidyAsync();
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("machine", $"case={way}"))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.EventAsync("rebooted", times: 400);
        ResourceUse start = ResourceUse.Of(vmm.Process.Id);
        await vmm.EventAsync("rebooted", times: 1400);

        // Looked at in the middle of a reboot, which has its machine's descriptors and threads or not.
        await start.HoldsAsync(vmm.Process.Id, descriptors: 20, threads: 6, kib: 4096);
        Assert.Equal(200, (await client.GetAsync("vmm.ping")).Code);
        Assert.True(vmm.Process.Log.Split('\n').Length < 100, vmm.Process.Log);
    }

    [Fact]
    public async Task A_pause_stops_a_spinning_guest_soon_and_loses_no_request()
    {
        using RestVmm vmm = await RestVmm.StartTidyAsync();
        using ApiClient client = vmm.Open();
        using var disk = new PatternImage(16);
        Assert.Equal(204, (await client.PutAsync("vm.create",
            RestVmm.ConfigOf("blk-read", "qd=16 secs=6", $$""","disks":[{"path":"{{disk.Path}}","image_type":"Raw"}]"""))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("blk-read capacity");

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(204, (await client.PutAsync("vm.pause")).Code);
            string before = (await client.GetAsync("vm.counters")).Body;
            Assert.Equal("Paused", (await client.GetAsync("vm.info")).Json.GetProperty("state").GetString());
            Assert.Equal(before, (await client.GetAsync("vm.counters")).Body);   // nothing moves
            Assert.Equal(204, (await client.PutAsync("vm.resume")).Code);
        }

        string serial = await vmm.Process.FinishAsync();
        Assert.Contains("errors 0", serial, StringComparison.Ordinal);
        Assert.EndsWith("ok", serial.TrimEnd(), StringComparison.Ordinal);
    }
}
