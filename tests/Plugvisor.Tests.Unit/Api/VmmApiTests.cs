using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using Plugvisor.Api;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Consoles;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Api;

/// <summary>The API over a real control loop, as far as it goes without a hypervisor.</summary>
public sealed class VmmApiTests : IDisposable
{
    private const string Config = """{"payload":{"kernel":"/k"},"console":{"mode":"Null"}}""";

    private readonly HostTerminal _terminal = new();
    private readonly ControlLoop _loop = new(NullLoggerFactory.Instance);
    private readonly EventHub _events = new(TimeProvider.System);
    private readonly Vmm _vmm;
    private readonly VmmApi _api;
    private readonly Thread _thread;
    private int? _exitCode;

    public VmmApiTests()
    {
        var hypervisor = new Mock<IHypervisor>();
        hypervisor.Setup(kvm => kvm.CreateVm()).Throws(new HypervisorException("KVM has a bad day"));
        var plugins = new Mock<IDevicePlugins>();
        plugins.Setup(set => set.Kinds).Returns(ShippedKinds.All);
        plugins.Setup(set => set.Load("balloon")).Returns(new Plugvisor.Plugins.VirtioBalloon.Plugin());
        _vmm = new Vmm(hypervisor.Object, plugins.Object, _terminal, _loop, _events, NullLoggerFactory.Instance, noShutdown: false);
        _api = new VmmApi(_loop, plugins.Object, _events, NullLoggerFactory.Instance);
        _thread = new Thread(() => _exitCode = _loop.Run(_vmm));
        _thread.Start();
    }

    public void Dispose()
    {
        _loop.RequestShutdown();
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)), "the loop does not end");
        _vmm.Dispose();
        _terminal.Dispose();
    }

    [Fact]
    public async Task Ping_tells_version_process_and_features()
    {
        ApiReply reply = await Ask("vmm.ping");
        Assert.Equal(ApiStatus.Ok, reply.Status);
        Fits(reply, "VmmPingResponse");
        JsonElement ping = Json(reply);
        Assert.Equal("v54.0.0", ping.GetProperty("build_version").GetString());
        Assert.Equal("54.0.0", ping.GetProperty("version").GetString());
        Assert.Equal(Environment.ProcessId, ping.GetProperty("pid").GetInt32());
        Assert.Contains("kvm", ping.GetProperty("features").EnumerateArray().Select(feature => feature.GetString()));
    }

    [Fact]
    public async Task A_config_is_created_shown_changed_and_deleted()
    {
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.create", Config)).Status);
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.add-disk", """{"path":"/a","id":"a"}""")).Status);
        Fits(await Ask("vm.info"), "VmInfo");
        JsonElement info = Json(await Ask("vm.info"));
        Assert.Equal("Created", info.GetProperty("state").GetString());
        Assert.Equal(512UL << 20, info.GetProperty("memory_actual_size").GetUInt64());
        Assert.Equal("/a", info.GetProperty("config").GetProperty("disks")[0].GetProperty("path").GetString());

        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.remove-device", """{"id":"a"}""")).Status);
        Assert.False(Json(await Ask("vm.info")).GetProperty("config").TryGetProperty("disks", out _));
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.delete")).Status);
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.delete")).Status);
        await Fails("vm.info", null, ApiStatus.NotFound, "The VM info is not available", "VM is not created");
    }

    [Fact]
    public async Task A_failure_is_told_with_its_whole_chain()
    {
        await Fails("vm.boot", null, ApiStatus.NotFound, "The VM could not boot", "VM config is missing");
        await Ask("vm.create", "{}");
        await Fails("vm.create", "{}", ApiStatus.InternalError, "The VM could not be created", "VM is already created");
        await Fails("vm.boot", null, ApiStatus.BadRequest, "The VM could not boot", "Failed to validate config", "Payload configuration is not bootable",
            "No bootitem provided: neither firmware nor kernel");
        await Fails("vm.remove-device", """{"id":"x"}""", ApiStatus.NotFound, "The device could not be removed from the VM",
            "No device with id \"x\" to remove");
    }

    [Fact]
    public async Task A_name_in_use_is_a_conflict_and_changes_nothing()
    {
        await Ask("vm.create", Config);
        await Ask("vm.add-disk", """{"path":"/a","id":"a"}""");
        await Fails("vm.add-disk", """{"path":"/b","id":"a"}""", ApiStatus.Conflict, "The disk could not be added to the VM", "Failed to validate config",
            "Identifier a is not unique");
        Assert.Equal(1, Json(await Ask("vm.info")).GetProperty("config").GetProperty("disks").GetArrayLength());
    }

    [Fact]
    public async Task What_the_hypervisor_refuses_leaves_a_config_that_can_be_booted_again()
    {
        await Ask("vm.create", Config);
        ApiReply reply = await Ask("vm.boot");
        Assert.Equal(ApiStatus.InternalError, reply.Status);
        Assert.Equal(["Error from API", "The VM could not boot", "KVM has a bad day"], reply.Errors);
        Assert.Equal("Created", Json(await Ask("vm.info")).GetProperty("state").GetString());
    }

    [Theory]
    [InlineData("vm.create", "{", "Failed to deserialize JSON")]
    [InlineData("vm.create", "{\"cpus\":{\"boot_vcpus\":1,\"boot_vcpus\":2,\"max_vcpus\":2}}", "Failed to deserialize JSON")]
    [InlineData("vm.create", "{\"memory\":{}}", "Failed to deserialize JSON")]
    [InlineData("vm.add-disk", "{\"queue_size\":70000}", "Failed to deserialize JSON")]
    [InlineData("vm.remove-device", "{}", "Failed to deserialize JSON")]
    public async Task A_document_that_cannot_be_read_is_the_callers_fault(string operation, string body, string first)
    {
        ApiReply reply = await Ask(operation, body);
        Assert.Equal(ApiStatus.BadRequest, reply.Status);
        Assert.Equal(first, reply.Errors[0]);
        Assert.True(reply.Errors.Count >= 2 && reply.Errors[1].Length > 0);
    }

    [Fact]
    public async Task A_document_nested_a_thousand_deep_is_refused()
    {
        ApiReply reply = await Ask("vm.create", new string('[', 1000) + new string(']', 1000));
        Assert.Equal(ApiStatus.BadRequest, reply.Status);
    }

    [Fact]
    public async Task What_is_not_there_yet_says_so()
    {
        foreach (ApiOperation operation in _api.Catalog.Operations.Where(operation => !operation.IsImplemented))
        {
            ApiReply reply = await Ask(operation.Name, "{}");
            Assert.Equal(ApiStatus.NotImplemented, reply.Status);
            Assert.Equal("Error from API", reply.Errors[0]);
            Assert.Contains("not there yet", reply.Errors[^1], StringComparison.Ordinal);
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
        Assert.Empty(expected.Except(_api.Catalog.Operations.Select(operation => operation.Name)));
        Assert.Equal("VmAddGenericVhostUser", _api.Catalog.Find("vm.add-generic-vhost-user")!.DBusMethod);
        Assert.Null(_api.Catalog.Find("vm.nmi")!.DBusMethod);
    }

    [Fact]
    public async Task A_balloon_is_resized_before_boot_and_nothing_else()
    {
        await Fails("vm.resize", "{}", ApiStatus.NotFound, "The VM could not be resized", "VM is not created");
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.create", """{"payload":{"kernel":"/k"},"console":{"mode":"Null"},"balloon":{"size":0}}""")).Status);
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.resize", """{"desired_balloon":1048576,"desired_vcpus":1,"desired_ram":536870912}""")).Status);
        Assert.Equal(1048576, Json(await Ask("vm.info")).GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt32());
        await Fails("vm.resize", """{"desired_balloon":536870913}""", ApiStatus.BadRequest,
            "The VM could not be resized", "Failed to validate config", "Balloon size (536870913) greater than RAM (536870912)");
        foreach (string other in new[] { "desired_vcpus", "desired_ram" })
        {
            ApiReply reply = await Ask("vm.resize", $$"""{"desired_balloon":4096,"{{other}}":2}""");
            Assert.Equal(ApiStatus.NotImplemented, reply.Status);
            Assert.Contains($"({other}) is not there yet", reply.Errors[^1], StringComparison.Ordinal);
        }

        Assert.Equal(1048576, Json(await Ask("vm.info")).GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt32());
    }

    [Fact]
    public async Task Without_a_balloon_there_is_nothing_to_resize_before_boot()
    {
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.create", Config)).Status);
        Assert.Equal(ApiStatus.NoContent, (await Ask("vm.resize", """{"desired_balloon":1048576}""")).Status);
        Assert.False(Json(await Ask("vm.info")).GetProperty("config").TryGetProperty("balloon", out _));
    }

    [Fact]
    public async Task After_the_end_of_the_VMM_every_command_is_still_answered()
    {
        Assert.Equal(ApiStatus.Ok, (await Ask("vmm.shutdown")).Status);
        Assert.True(_thread.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal(0, _exitCode);
        await Fails("vm.info", null, ApiStatus.InternalError, "The VM info is not available", "The VMM is shutting down");
    }

    private async Task Fails(string operation, string? body, ApiStatus status, params string[] chain)
    {
        ApiReply reply = await Ask(operation, body);
        Assert.Equal(status, reply.Status);
        Assert.Equal(["Error from API", .. chain], reply.Errors);
        Assert.Equal(chain[0], reply.Message);
        Assert.True(reply.Document.IsEmpty);
    }

    private Task<ApiReply> Ask(string operation, string? body = null) =>
        _api.InvokeAsync(_api.Catalog.Find(operation)!, Encoding.UTF8.GetBytes(body ?? ""), [], TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    private void Fits(ApiReply reply, string schema) =>
        Assert.Empty(new JsonSchemaCheck(JsonElement.Parse(_api.DescribeOpenApi().Span)).Check(Json(reply), schema));

    private static JsonElement Json(ApiReply reply) => JsonElement.Parse(reply.Document.Span);
}
