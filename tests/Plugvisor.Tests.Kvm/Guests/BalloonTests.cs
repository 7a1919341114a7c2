using System.Globalization;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>Memory that a guest lends to the host, seen from both sides.</summary>
public sealed class BalloonTests
{
    private const long MiB = 1 << 20, Memory = 256 * MiB, Pool = 128 * MiB;

    [Theory]
    [InlineData("off")]
    [InlineData("on")]
    public async Task What_the_guest_hands_over_is_the_hosts_until_it_takes_it_back_as_zeroes(string shared)
    {
        using RestVmm vmm = await RestVmm.StartAsync(
            "--kernel", GuestImages.Of("balloon"), "--cmdline", $"mib={Pool / MiB} changes=5", "--memory", $"size={Memory},shared={shared}", "--serial", "tty", "--console", "off",
            "--balloon", $"size={16 * MiB}");
        await HoldsAsync(vmm, 16, "balloon ready wanted 4096 calm 1");
        long before = Resident(vmm.Process.Id);
        Assert.True(before > Pool - 16 * MiB, $"{before} bytes{vmm.Process.Everything()}");

        await ResizeAsync(vmm, 112);
        long inflated = Resident(vmm.Process.Id);
        // 96 MiB by the numbers; what else the VMM takes meanwhile is not counted here.
        Assert.True(before - inflated > 64 * MiB, $"{before} bytes, then {inflated}{vmm.Process.Everything()}");

        await ResizeAsync(vmm, 64);
        long deflated = Resident(vmm.Process.Id);
        Assert.True(deflated - inflated > 32 * MiB, $"{inflated} bytes, then {deflated}{vmm.Process.Everything()}");
        Assert.Contains("greater than RAM", await vmm.ExpectAsync(400, "PUT", "vm.resize", $$"""{"desired_balloon":{{Memory + 1}}}"""), StringComparison.Ordinal);

        await ResizeAsync(vmm, 128);
        JsonElement counters = JsonElement.Parse(await vmm.ExpectAsync(200, "GET", "vm.counters")).GetProperty("__balloon");
        Assert.Equal((16 + 96 + 64) * MiB >> 12, counters.GetProperty("inflated_pages").GetInt64());
        Assert.InRange(counters.GetProperty("deflated_pages").GetInt64(), 48 * MiB >> 12, (48 * MiB >> 12) + 3);   // three of them were never in it
        Assert.InRange(counters.GetProperty("released_ranges").GetInt64(), 1, ((16 + 96 + 64) * MiB >> 12) / 64);

        // The guest ends when it has got there, so nobody asks after that.
        await vmm.ExpectAsync(204, "PUT", "vm.resize", """{"desired_balloon":0}""");
        string serial = await vmm.Process.FinishAsync();
        Assert.True(serial.Contains("balloon changes 5 wrong 0 lost 0 ok", StringComparison.Ordinal), vmm.Process.Everything());
        Assert.Contains("they are not RAM", vmm.Process.Log, StringComparison.Ordinal);
    }

    private static async Task ResizeAsync(RestVmm vmm, long mib)
    {
        await vmm.ExpectAsync(204, "PUT", "vm.resize", $$"""{"desired_balloon":{{mib * MiB}}}""");
        await HoldsAsync(vmm, mib, $"balloon holds {mib << 8} wrong 0 config {mib << 8}");
    }

    private static async Task HoldsAsync(RestVmm vmm, long mib, string line)
    {
        await vmm.Process.WaitForAsync(line);
        await vmm.Process.WaitForAsync($"balloon holds {mib << 8} wrong 0 config {mib << 8}");
        JsonElement info = JsonElement.Parse(await vmm.ExpectAsync(200, "GET", "vm.info"));
        Assert.Equal(Memory - mib * MiB, info.GetProperty("memory_actual_size").GetInt64());
        Assert.Equal(mib * MiB, info.GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt64());
    }

    /// <summary>Bytes of memory that a process has of the host.</summary>
    private static long Resident(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }
}
