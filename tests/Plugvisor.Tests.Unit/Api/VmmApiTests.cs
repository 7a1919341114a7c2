using System.Text.Json;
using Moq;
using Plugvisor.Api;
using Plugvisor.Control;
using Plugvisor.Hypervisor;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Api;

/// <summary>The API over a real control loop, as far as it goes without a hypervisor.</summary>
public sealed class VmmApiTests : IDisposable
{
    private const string Config = """{"payload":{"kernel":"/k"},"console":{"mode":"Null"}}""";

    private readonly ApiRig _rig;

    public VmmApiTests()
    {
        var hypervisor = new Mock<IHypervisor>();
        hypervisor.Setup(kvm => kvm.CreateVm()).Throws(new HypervisorException("KVM has a bad day"));
        var plugins = new Mock<IDevicePlugins>();
        plugins.Setup(set => set.Kinds).Returns(ShippedKinds.All);
        plugins.Setup(set => set.Entries).Returns([]);
        plugins.Setup(set => set.Load(It.IsAny<string>())).Returns(new Mock<Plugvisor.Abstractions.Devices.IDevicePlugin>().Object);
        plugins.Setup(set => set.Load("net")).Returns(new Plugvisor.Plugins.VirtioNet.Plugin());
        plugins.Setup(set => set.Load("balloon")).Returns(new Plugvisor.Plugins.VirtioBalloon.Plugin());
        _rig = new ApiRig(hypervisor.Object, plugins.Object);
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Ping_tells_version_process_and_features()
    {
        ApiReply reply = await _rig.Ask("vmm.ping");
        Assert.Equal(ApiStatus.Ok, reply.Status);
        _rig.Fits(reply, "VmmPingResponse");
        JsonElement ping = ApiRig.Json(reply);
        Assert.Equal("v54.0.0", ping.GetProperty("build_version").GetString());
        Assert.Equal("54.0.0", ping.GetProperty("version").GetString());
        Assert.Equal(Environment.ProcessId, ping.GetProperty("pid").GetInt32());
        Assert.Contains("kvm", ping.GetProperty("features").EnumerateArray().Select(feature => feature.GetString()));
    }

    [Fact]
    public async Task A_config_is_created_shown_changed_and_deleted()
    {
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.create", Config)).Status);
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.add-disk", """{"path":"/a","id":"a"}""")).Status);
        _rig.Fits(await _rig.Ask("vm.info"), "VmInfo");
        JsonElement info = ApiRig.Json(await _rig.Ask("vm.info"));
        Assert.Equal("Created", info.GetProperty("state").GetString());
        Assert.Equal(512UL << 20, info.GetProperty("memory_actual_size").GetUInt64());
        Assert.Equal("/a", info.GetProperty("config").GetProperty("disks")[0].GetProperty("path").GetString());

        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.remove-device", """{"id":"a"}""")).Status);
        Assert.False(ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").TryGetProperty("disks", out _));
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.delete")).Status);
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.delete")).Status);
        await Fails("vm.info", null, ApiStatus.NotFound, "The VM info is not available", "VM is not created");
    }

    [Fact]
    public async Task A_failure_is_told_with_its_whole_chain()
    {
        await Fails("vm.boot", null, ApiStatus.NotFound, "The VM could not boot", "VM config is missing");
        await _rig.Ask("vm.create", "{}");
        await Fails("vm.create", "{}", ApiStatus.InternalError, "The VM could not be created", "VM is already created");
        await Fails("vm.boot", null, ApiStatus.BadRequest, "The VM could not boot", "Failed to validate config", "Payload configuration is not bootable",
            "No bootitem provided: neither firmware nor kernel");
        await Fails("vm.remove-device", """{"id":"x"}""", ApiStatus.NotFound, "The device could not be removed from the VM",
            "No device with id \"x\" to remove");
    }

    [Fact]
    public async Task A_name_in_use_is_a_conflict_and_changes_nothing()
    {
        await _rig.Ask("vm.create", Config);
        await _rig.Ask("vm.add-disk", """{"path":"/a","id":"a"}""");
        await Fails("vm.add-disk", """{"path":"/b","id":"a"}""", ApiStatus.Conflict, "The disk could not be added to the VM", "Failed to validate config",
            "Identifier a is not unique");
        Assert.Equal(1, ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").GetProperty("disks").GetArrayLength());
    }

    [Fact]
    public async Task What_only_the_plugin_knows_is_checked_before_boot_as_well()
    {
        await _rig.Ask("vm.create", Config);
        await Fails("vm.add-net", """{"mac":"01:00:00:00:00:00"}""", ApiStatus.BadRequest, "The network device could not be added to the VM",
            "Failed to validate config",
            "mac 01:00:00:00:00:00 is not the address of one station; its first byte has to be even, and not all may be zero");
        Assert.False(ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").TryGetProperty("net", out _));
    }

    [Fact]
    public async Task What_the_hypervisor_refuses_leaves_a_config_that_can_be_booted_again()
    {
        await _rig.Ask("vm.create", Config);
        ApiReply reply = await _rig.Ask("vm.boot");
        Assert.Equal(ApiStatus.InternalError, reply.Status);
        Assert.Equal(["Error from API", "The VM could not boot", "KVM has a bad day"], reply.Errors);
        Assert.Equal("Created", ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("state").GetString());
    }

    [Theory]
    [InlineData("vm.create", "{", "Failed to deserialize JSON")]
    [InlineData("vm.create", "{\"cpus\":{\"boot_vcpus\":1,\"boot_vcpus\":2,\"max_vcpus\":2}}", "Failed to deserialize JSON")]
    [InlineData("vm.create", "{\"memory\":{}}", "Failed to deserialize JSON")]
    [InlineData("vm.add-disk", "{\"queue_size\":70000}", "Failed to deserialize JSON")]
    [InlineData("vm.remove-device", "{}", "Failed to deserialize JSON")]
    public async Task A_document_that_cannot_be_read_is_the_callers_fault(string operation, string body, string first)
    {
        ApiReply reply = await _rig.Ask(operation, body);
        Assert.Equal(ApiStatus.BadRequest, reply.Status);
        Assert.Equal(first, reply.Errors[0]);
        Assert.True(reply.Errors.Count >= 2 && reply.Errors[1].Length > 0);
    }

    [Fact]
    public async Task A_document_nested_a_thousand_deep_is_refused()
    {
        ApiReply reply = await _rig.Ask("vm.create", new string('[', 1000) + new string(']', 1000));
        Assert.Equal(ApiStatus.BadRequest, reply.Status);
    }

    [Fact]
    public async Task What_is_not_there_yet_says_so()
    {
        foreach (ApiOperation operation in _rig.Api.Catalog.Operations.Where(operation => !operation.IsImplemented))
        {
            ApiReply reply = await _rig.Ask(operation.Name, "{}");
            Assert.Equal(ApiStatus.NotImplemented, reply.Status);
            Assert.Equal("Error from API", reply.Errors[0]);
            Assert.Matches("not there yet in this version|no plugin here has devices of kind", reply.Errors[^1]);
        }
    }

    [Fact]
    public void Every_endpoint_of_the_interface_is_offered()
    {
        string[] expected =
        [
            "vmm.ping", "vmm.shutdown", "vm.info", "vm.counters", "vm.create", "vm.boot", "vm.delete", "vm.shutdown", "vm.reboot", "vm.pause", "vm.resume",
            "vm.power-button", "vm.nmi", "vm.resize", "vm.resize-disk", "vm.resize-zone", "vm.add-device", "vm.add-disk", "vm.add-fs",
            "vm.add-generic-vhost-user", "vm.add-net", "vm.add-pmem", "vm.add-user-device", "vm.add-vdpa", "vm.add-vsock", "vm.remove-device", "vm.snapshot",
            "vm.restore", "vm.coredump", "vm.receive-migration", "vm.send-migration",
        ];
        Assert.Empty(expected.Except(_rig.Api.Catalog.Operations.Select(operation => operation.Name)));
        Assert.Equal("VmAddGenericVhostUser", _rig.Api.Catalog.Find("vm.add-generic-vhost-user")!.DBusMethod);
        Assert.Null(_rig.Api.Catalog.Find("vm.nmi")!.DBusMethod);
    }

    [Fact]
    public async Task A_balloon_is_resized_before_boot_and_nothing_else()
    {
        await Fails("vm.resize", "{}", ApiStatus.NotFound, "The VM could not be resized", "VM is not created");
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.create", """{"payload":{"kernel":"/k"},"console":{"mode":"Null"},"balloon":{"size":0}}""")).Status);
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.resize", """{"desired_balloon":1048576,"desired_vcpus":1,"desired_ram":536870912}""")).Status);
        Assert.Equal(1048576, ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt32());
        await Fails("vm.resize", """{"desired_balloon":536870913}""", ApiStatus.BadRequest,
            "The VM could not be resized", "Failed to validate config", "Balloon size (536870913) greater than RAM (536870912)");
        foreach (string other in new[] { "desired_vcpus", "desired_ram" })
        {
            ApiReply reply = await _rig.Ask("vm.resize", $$"""{"desired_balloon":4096,"{{other}}":2}""");
            Assert.Equal(ApiStatus.NotImplemented, reply.Status);
            Assert.Contains($"({other}) is not there yet", reply.Errors[^1], StringComparison.Ordinal);
        }

        Assert.Equal(1048576, ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt32());
    }

    [Fact]
    public async Task Without_a_balloon_there_is_nothing_to_resize_before_boot()
    {
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.create", Config)).Status);
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.resize", """{"desired_balloon":1048576}""")).Status);
        Assert.False(ApiRig.Json(await _rig.Ask("vm.info")).GetProperty("config").TryGetProperty("balloon", out _));
    }

    [Fact]
    public async Task After_the_end_of_the_VMM_every_command_is_still_answered()
    {
        Assert.Equal(ApiStatus.Ok, (await _rig.Ask("vmm.shutdown")).Status);
        Assert.Equal(0, _rig.AwaitEnd());
        await Fails("vm.info", null, ApiStatus.InternalError, "The VM info is not available", "The VMM is shutting down");
    }

    private async Task Fails(string operation, string? body, ApiStatus status, params string[] chain)
    {
        ApiReply reply = await _rig.Ask(operation, body);
        Assert.Equal(status, reply.Status);
        Assert.Equal(["Error from API", .. chain], reply.Errors);
        Assert.Equal(chain[0], reply.Message);
        Assert.True(reply.Document.IsEmpty);
    }
}
