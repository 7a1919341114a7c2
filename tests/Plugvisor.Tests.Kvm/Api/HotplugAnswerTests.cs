using System.Net.Sockets;
using System.Text.Json;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>What is answered and told when devices come and go: ids, events, the words of refusals.</summary>
public sealed class HotplugAnswerTests
{
    [Fact]
    public async Task A_generated_id_stands_for_one_device_as_long_as_the_machine_runs()
    {
        using HotplugRig rig = await HotplugRig.BootAsync("ejects=0");
        string disk = $$"""{"path":"{{rig.Image.Path}}","image_type":"Raw"}""";
        Assert.Equal("_disk0", (await rig.Client.PutAsync("vm.add-disk", disk)).Json.GetProperty("id").GetString());
        string folder = Path.GetDirectoryName(rig.Vmm.EventFile)!;
        Assert.Equal("_fs1", (await rig.Client.PutAsync("vm.add-fs", $$"""{"tag":"a","shared_dir":"{{folder}}"}""")).Json.GetProperty("id").GetString());
        Assert.Equal(204, (await rig.Client.PutAsync("vm.remove-device", """{"id":"_disk0"}""")).Code);
        await rig.Vmm.EventAsync("device-removed");
        Assert.Equal("_disk2", (await rig.Client.PutAsync("vm.add-disk", disk)).Json.GetProperty("id").GetString());

        Assert.Equal(204, (await rig.Client.PutAsync("vm.reboot")).Code);
        JsonElement tree = (await rig.Client.GetAsync("vm.info")).Json.GetProperty("device_tree");
        Assert.True(tree.TryGetProperty("_disk2", out _));
        Assert.True(tree.TryGetProperty("_fs1", out _));
    }

    [Fact]
    public async Task Who_waits_for_a_guest_that_keeps_its_device_waits_no_longer_than_to_its_end()
    {
        using HotplugRig rig = await HotplugRig.BootAsync("keep=1");
        ApiAnswer added = await rig.AddAsync();
        Assert.Equal(200, added.Code);
        Assert.Equal(204, (await rig.RemoveAsync()).Code);
        await rig.Vmm.Process.WaitForAsync(" kept");
        Assert.DoesNotContain("device-removed", await File.ReadAllTextAsync(rig.Vmm.EventFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);

        Assert.Equal(204, (await rig.Client.PutAsync("vm.reboot")).Code);

        await rig.Vmm.EventAsync("device-removed");
        Assert.Contains($"\"bdf\": \"{added.Json.GetProperty("bdf").GetString()}\"",
            await File.ReadAllTextAsync(rig.Vmm.EventFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resize_is_told_and_without_a_balloon_refused_with_what_to_do()
    {
        using HotplugRig rig = await HotplugRig.BootAsync("ejects=0");
        ApiAnswer refused = await rig.Client.PutAsync("vm.resize", """{"desired_balloon":1048576}""");
        Assert.Equal(500, refused.Code);
        Assert.Equal("The VM has no balloon device; add one with vm.add-balloon, or before boot with --balloon size=0", refused.Errors[^1]);
        Assert.Equal(200, (await rig.Client.PutAsync("vm.add-balloon", """{"size":0}""")).Code);
        Assert.Equal(204, (await rig.Client.PutAsync("vm.resize", """{"desired_balloon":1048576}""")).Code);
        await rig.Vmm.EventAsync("resizing");
        await rig.Vmm.EventAsync("resized");
    }

    [Fact]
    public async Task A_balloon_that_a_guest_keeps_is_in_nobodys_way_but_another_balloons()
    {
        using HotplugRig rig = await HotplugRig.BootAsync("keep=1");
        Assert.Equal(200, (await rig.Client.PutAsync("vm.add-balloon", """{"size":0}""")).Code);
        Assert.Equal(204, (await rig.Client.PutAsync("vm.remove-device", """{"id":"__balloon"}""")).Code);
        await rig.Vmm.Process.WaitForAsync(" kept");

        ApiAnswer again = await rig.Client.PutAsync("vm.add-balloon", """{"size":0}""");
        Assert.Equal(409, again.Code);
        Assert.Equal("Identifier __balloon is not unique", again.Errors[^1]);
        Assert.Equal(200, (await rig.AddAsync()).Code);
        Assert.Equal(204, (await rig.Client.PutAsync("vm.reboot")).Code);
        Assert.Equal(200, (await rig.Client.PutAsync("vm.add-balloon", """{"size":0}""")).Code);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_with_nothing_left_behind()
    {
        using HotplugRig rig = await HotplugRig.BootAsync("ejects=0");
        string busy = rig.Vmm.PathOf("busy");
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(busy));
        other.Listen();
        string folder = Path.GetDirectoryName(busy)!;

        await Refuses(500, "vm.add-vsock", $$"""{"cid":3,"socket":"{{busy}}"}""", "where another process listens");
        await Refuses(400, "vm.add-fs", $$"""{"tag":"a","shared_dir":"{{folder}}","iommu":true}""", "Device does not support being placed behind IOMMU");
        await Refuses(400, "vm.add-fs", $$"""{"tag":"","shared_dir":"{{folder}}"}""", "Tag is empty");
        await Refuses(400, "vm.add-fs", $$"""{"tag":"a\u0000b","shared_dir":"{{folder}}"}""", "Tag contains a NUL character");
        await Refuses(400, "vm.add-fs", $$"""{"tag":"a","shared_dir":"{{folder}}","id":"_virtio-pci-__rng"}""", "Identifier _virtio-pci-__rng is not valid");
        await Refuses(400, "vm.add-net", """{"tap":"a/b"}""", "cannot be the name of a network interface");
        await Refuses(500, "vm.add-pmem", $$"""{"file":"{{folder}}","size":0}""", "of 0 bytes");

        Assert.False(File.Exists(busy + ".lock"));
        Assert.True(File.Exists(busy));
        JsonElement info = (await rig.Client.GetAsync("vm.info")).Json;
        foreach (string section in new[] { "vsock", "fs", "net", "pmem" }) Assert.False(info.GetProperty("config").TryGetProperty(section, out _));
        Assert.Equal(200, (await rig.AddAsync()).Code);

        async Task Refuses(int code, string operation, string body, string words)
        {
            ApiAnswer answer = await rig.Client.PutAsync(operation, body);
            Assert.True(answer.Code == code && answer.Errors.Any(text => text.Contains(words, StringComparison.Ordinal)), $"{operation} {body}: {answer}");
        }
    }
}
