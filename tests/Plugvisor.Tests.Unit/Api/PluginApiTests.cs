using System.Text;
using System.Text.Json;
using Moq;
using Plugvisor.Api;
using Plugvisor.Control.Events;
using Plugvisor.Control.Plugins;
using Plugvisor.Hypervisor;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Api;

/// <summary>Plugins that come and go through the API, as far as it goes without a hypervisor.</summary>
public sealed class PluginApiTests : IDisposable
{
    private readonly TestPlugins _plugins = new();
    private readonly ApiRig _rig = new(Mock.Of<IHypervisor>(), PluginSet.Open([], isReserved: null));
    private readonly EventSubscription _heard;

    public PluginApiTests() => _heard = _rig.Events.Subscribe();

    public void Dispose()
    {
        _rig.Dispose();
        _plugins.Dispose();
    }

    [Fact]
    public async Task A_plugin_that_comes_has_its_operation_its_method_and_its_schema_and_they_go_with_it()
    {
        ApiReply loaded = await Load(_plugins.Copy("tiny"));
        _rig.Fits(loaded, "PluginInfo");
        Assert.Equal(("tiny", "ready", "tiny"),
            (Text(loaded, "name"), Text(loaded, "status"), Text(loaded, "kind")));
        _rig.Fits(await _rig.Ask("vmm.plugins"), "PluginList");
        Assert.Equal("vm.add-tiny", _rig.Api.Catalog.FindDBus("VmAddTiny")!.Name);
        JsonElement document = JsonElement.Parse(_rig.Api.DescribeOpenApi().Span);
        Assert.True(document.GetProperty("paths").TryGetProperty("/vm.add-tiny", out _));
        Assert.True(document.GetProperty("components").GetProperty("schemas").TryGetProperty("TinyConfig", out _));

        ApiReply unloaded = await _rig.Ask("vmm.unload-plugin", """{"id":"tiny"}""");
        _rig.Fits(unloaded, "PluginRemoval");
        Assert.Equal("unloaded", Text(unloaded, "status"));
        Assert.Null(_rig.Api.Catalog.Find("vm.add-tiny"));
        Assert.Null(_rig.Api.Catalog.FindDBus("VmAddTiny"));
        document = JsonElement.Parse(_rig.Api.DescribeOpenApi().Span);
        Assert.False(document.GetProperty("paths").TryGetProperty("/vm.add-tiny", out _));
        Assert.False(document.GetProperty("components").GetProperty("schemas").TryGetProperty("TinyConfig", out _));
        Assert.Equal("[]", Encoding.UTF8.GetString((await _rig.Ask("vmm.plugins")).Document.Span));
        Assert.Equal(["plugin-loaded tiny", "plugin-unloaded tiny"], Heard());
    }

    [Fact]
    public async Task A_plugin_in_use_stays_and_its_users_are_named()
    {
        await Load(_plugins.Copy("tiny"));
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.create", """{"payload":{"kernel":"/k"},"tinies":[{"id":"a"},{}]}""")).Status);
        Fails(await _rig.Ask("vmm.unload-plugin", """{"id":"tiny"}"""), ApiStatus.Conflict,
            "plugin tiny is in use by a, a tiny without an id (vm.boot gives it one): remove them first");
        Assert.NotNull(_rig.Api.Catalog.Find("vm.add-tiny"));

        // Reloading needs no one to go: nothing of the configuration runs.
        Assert.Equal(ApiStatus.Ok, (await _rig.Ask("vmm.reload-plugin", """{"id":"tiny"}""")).Status);
        Assert.Equal(2, JsonElement.Parse((await _rig.Ask("vm.info")).Document.Span).GetProperty("config").GetProperty("tinies").GetArrayLength());
        Assert.Equal(ApiStatus.NoContent, (await _rig.Ask("vm.delete")).Status);
        Assert.Equal("unloaded", Text(await _rig.Ask("vmm.unload-plugin", """{"id":"tiny"}"""), "status"));
        Assert.Equal(["plugin-loaded tiny", "plugin-reloaded tiny", "plugin-unloaded tiny"], Heard());
    }

    [Fact]
    public async Task A_reload_takes_what_the_folder_has_now_and_a_content_that_is_none_changes_nothing()
    {
        string folder = _plugins.Copy("tiny");
        await Load(folder);
        string assembly = Path.Combine(folder, "Tiny.dll");
        byte[] good = await File.ReadAllBytesAsync(assembly, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(assembly, good.AsMemory(0, good.Length / 2), TestContext.Current.CancellationToken);
        ApiReply refused = await _rig.Ask("vmm.reload-plugin", """{"id":"tiny"}""");
        Assert.Equal(ApiStatus.BadRequest, refused.Status);
        Assert.StartsWith("plugin tiny cannot be used: Tiny.dll is damaged", refused.Errors[^1], StringComparison.Ordinal);
        Assert.NotNull(_rig.Api.Catalog.Find("vm.add-tiny"));

        await File.WriteAllBytesAsync(assembly, good, TestContext.Current.CancellationToken);
        Assert.Equal("ready", Text(await _rig.Ask("vmm.reload-plugin", $$"""{"id":"{{folder}}"}"""), "status"));
        Assert.Equal(["plugin-loaded tiny", "plugin-reloaded tiny"], Heard());
    }

    [Fact]
    public async Task What_cannot_be_is_the_callers_fault_and_leaves_everything_as_it_was()
    {
        ApiCatalog before = _rig.Api.Catalog;
        Fails(await Load("tiny"), ApiStatus.BadRequest, "`tiny` is no absolute path: give that of the plugin's folder, beginning with /");
        Fails(await Load("/no/such"), ApiStatus.BadRequest, "there is no directory /no/such");
        string faulty = _plugins.Copy("faulty");
        ApiReply reply = await Load(faulty);
        Assert.Equal(ApiStatus.BadRequest, reply.Status);
        Assert.Equal(
            ["Error from API", "The plugin could not be loaded", $"Plugin faulty ({faulty}/Faulty.dll) can not be started", "no firmware"], reply.Errors);
        foreach (string operation in new[] { "vmm.unload-plugin", "vmm.reload-plugin" })
        {
            Fails(await _rig.Ask(operation, """{"id":"tiny"}"""), ApiStatus.NotFound, "there is no plugin tiny; vmm.plugins lists those that there are");
            Assert.Equal("Failed to deserialize JSON", (await _rig.Ask(operation, "{}")).Errors[0]);
        }

        Assert.Equal(ApiStatus.BadRequest, (await _rig.Ask("vmm.load-plugin", """{"path":7}""")).Status);
        Assert.Same(before, _rig.Api.Catalog);
        string twice = _plugins.Copy("tiny");
        await Load(twice);
        Fails(await Load(twice), ApiStatus.Conflict, $"plugin tiny is loaded already, from {twice}; vmm.reload-plugin takes the folder's present content");
        Assert.Equal(["plugin-loaded tiny"], Heard());
    }

    [Fact]
    public async Task A_device_whose_plugin_went_meanwhile_is_refused()
    {
        await Load(_plugins.Copy("tiny"));
        ApiOperation add = _rig.Api.Catalog.Find("vm.add-tiny")!;   // as a client has it whose request is on its way
        await _rig.Ask("vm.create", """{"payload":{"kernel":"/k"}}""");
        await _rig.Ask("vmm.unload-plugin", """{"id":"tiny"}""");
        ApiReply reply = await _rig.Ask(add, "{}");
        Fails(reply, ApiStatus.NotFound, "there is no plugin for device kind tiny any more");
    }

    [Fact]
    public async Task A_kind_of_the_interface_without_a_plugin_is_told_how_to_get_one()
    {
        await _rig.Ask("vm.create", """{"payload":{"kernel":"/k"}}""");
        Fails(await _rig.Ask("vm.add-vdpa", "{}"), ApiStatus.NotImplemented, "no plugin here has devices of kind vdpa; vmm.load-plugin loads one");
    }

    private static void Fails(ApiReply reply, ApiStatus status, string reason)
    {
        Assert.Equal((status, reason), (reply.Status, reply.Errors[^1]));
        Assert.Equal("Error from API", reply.Errors[0]);
    }

    private static string? Text(ApiReply reply, string member) =>
        JsonElement.Parse(reply.Document.Span).GetProperty(member).GetString();

    private List<string> Heard()
    {
        var heard = new List<string>();
        while (_heard.TryRead(out VmmEvent? next, out _))
        {
            if (next.Source == "vmm") heard.Add($"{next.Name} {next.Properties!["id"]}");
        }

        return heard;
    }

    private Task<ApiReply> Load(string path) => _rig.Ask("vmm.load-plugin", $$"""{"path":"{{path}}"}""");
}
