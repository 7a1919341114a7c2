using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>Hostile case 28: a guest ejects a disk that it uses. The other half of the case, a reset, is one of tests/guests/blk-hostile.</summary>
public sealed class UnplugTests
{
    private const int Rounds = 12;

    // All that is in flight is in the kernel's hands; most of it waits in the device, for longer than the test.
    [Theory]
    [InlineData(""","direct":true""", 1)]
    [InlineData(""","rate_limiter_config":{"ops":{"size":160,"refill_time":3600000}}""", 96)]
    public async Task Hostile_28_a_disk_unplugged_with_128_requests_in_flight_writes_nothing_later_and_holds_nothing(string more, int inFlight)
    {
        using HotplugRig rig = await HotplugRig.BootAsync($"load=128 ejects={Rounds}", mebibytes: 16, more: more);
        Held before = Held.By(rig.Vmm.Process.Id, rig.Image.Path);
        Assert.Equal(0, before.Images);
        for (int round = 0; round < Rounds; round++)
        {
            ApiAnswer added = await rig.AddAsync();   // the same id each time: it is free as soon as the event has told so
            Assert.True(added.Code == 200, $"round {round}: {added}{rig.Everything()}");
            await rig.Vmm.Process.WaitForAsync($"hotplug round {round} right 128 ");
            Held during = Held.By(rig.Vmm.Process.Id, rig.Image.Path);
            Assert.True(during.Images > 0 && during.Rings > before.Rings && during.EventFds > before.EventFds, $"{during} of one disk, {before} of none");

            Assert.Equal(204, (await rig.RemoveAsync()).Code);
            await rig.Vmm.EventAsync("device-removed", round + 1);
            Assert.Equal(before, Held.By(rig.Vmm.Process.Id, rig.Image.Path));
            Assert.Equal(200, (await rig.Client.GetAsync("vm.counters")).Code);
        }

        Assert.Equal(200, (await rig.AddAsync()).Code);
        string serial = await rig.Vmm.Process.FinishAsync();
        Assert.True(serial.Contains($"hotplug ejected {Rounds} under load failed 0 ok", StringComparison.Ordinal), rig.Everything());
        Assert.InRange(Regex.Matches(serial, "left in flight ([0-9]+)").Max(static match => int.Parse(match.Groups[1].Value)), inFlight, 128);
        Assert.DoesNotContain("did not stop", rig.Vmm.Process.Log, StringComparison.Ordinal);
        Assert.True(rig.Image.IsWhole());
    }

    /// <summary>Descriptors of a process that a disk needs.</summary>
    private sealed record Held(int Images, int Rings, int EventFds)
    {
        public static Held By(int process, string image)
        {
            string[] targets = [.. Directory.GetFiles($"/proc/{process}/fd").Select(static file => new FileInfo(file).LinkTarget ?? "")];
            return new Held(
                targets.Count(target => target == image), targets.Count(static target => target == "anon_inode:[io_uring]"),
                targets.Count(static target => target == "anon_inode:[eventfd]"));
        }
    }
}
