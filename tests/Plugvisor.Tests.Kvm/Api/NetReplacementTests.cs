using System.Text.Json;
using System.Text.RegularExpressions;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>The network plugin's code is replaced while numbered frames go both ways as fast as they are acknowledged.</summary>
public sealed partial class NetReplacementTests
{
    private const int Reloads = 12;

    [Theory]
    [InlineData("tap=t0", "window=128")]
    [InlineData("fd=[10,11],num_queues=4", "window=128 queues=2 pass=1")]
    [InlineData("tap=t0", "window=32", "mrg=0 event=0 queue=64")]
    public async Task No_frame_is_lost_repeated_or_changed(string net, string peer, string options = "")
    {
        // Fewer are under way than the guest has buffers for and the tap keeps for a VMM that does not look, so that none may be lost.
        using RestVmm vmm = await RestVmm.StartByAsync(
            [PeerPrograms.Of("net-peer"), "until=1", "size=900", .. peer.Split(' '), "--"],
            "-v", "--kernel", GuestImages.Of("net-frames"), "--cmdline", $"until=1 size=700 stall=60 {options}", "--memory", "size=256M",
            "--cpus", "boot=2", "--serial", "tty", "--console", "off", "--net", net);
        using ApiClient client = vmm.Open();
        (ulong Received, ulong Sent) before = default;
        for (int i = 0; i < Reloads; i++)
        {
            before = await MoreFramesAsync(vmm, client, before);
            bool paused = i % 4 == 3;
            if (paused) Assert.Equal(204, (await client.PutAsync("vm.pause")).Code);
            ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", """{"id":"virtio-net"}""");
            Assert.True(answer.Code == 200, $"round {i}: {answer}{vmm.Process.Everything()}");
            if (paused) Assert.Equal(204, (await client.PutAsync("vm.resume")).Code);
        }

        await MoreFramesAsync(vmm, client, before);
        vmm.Process.Signal("USR1");
        string serial = await vmm.Process.FinishAsync();
        Assert.True(Whole().Count(serial) == 2, vmm.Process.Everything());
        Assert.Equal(Reloads, StoodStill().Count(vmm.Process.Log));
        Assert.DoesNotContain("WARN", vmm.Process.Log, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine($"{Gap().Match(serial).Value}; {string.Join(", ", StoodStill().Matches(vmm.Process.Log).Select(match => match.Groups[1].Value))} ms");
    }

    /// <summary>Waits until frames have gone both ways since.</summary>
    private static async Task<(ulong Received, ulong Sent)> MoreFramesAsync(RestVmm vmm, ApiClient client, (ulong Received, ulong Sent) than)
    {
        ApiAnswer? answer = null;
        (ulong Received, ulong Sent) now = default;
        await vmm.UntilAsync(
            async () =>
            {
                answer = await client.GetAsync("vm.counters");
                if (answer.Code != 200) return false;
                JsonElement counters = answer.Json.EnumerateObject().First(device => device.Name.StartsWith("_net", StringComparison.Ordinal)).Value;
                now = (counters.GetProperty("rx_frames").GetUInt64(), counters.GetProperty("tx_frames").GetUInt64());
                return now.Received > than.Received + 1000 && now.Sent > than.Sent + 1000;
            },
            () => $"{answer}");
        return now;
    }

    [GeneratedRegex(@"net-(peer|frames) .*lost 0 reordered 0 wrong 0 .* ok")]
    private static partial Regex Whole();

    [GeneratedRegex(@"net-frames longest gap .*")]
    private static partial Regex Gap();

    [GeneratedRegex(@"plugin virtio-net: 1 of its devices stood still for ([0-9.]+) ms")]
    private static partial Regex StoodStill();
}
