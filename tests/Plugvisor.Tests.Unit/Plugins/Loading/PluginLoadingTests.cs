using System.Runtime.CompilerServices;
using System.Text.Json;
using Moq;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Loading;

public sealed class PluginLoadingTests : IDisposable
{
    private readonly TestPlugins _plugins = new();
    private readonly AssemblyLoadContextPluginLoader _loader = new();

    public void Dispose() => _plugins.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_plugins_have_two_versions_of_one_library(bool isUnloadable)
    {
        _plugins.Copy("alpha");
        _plugins.Copy("beta");
        var catalog = PluginCatalog.Scan([_plugins.Root]);
        var alpha = LoadedPlugin.Load(catalog.Find("alpha")!, _loader, isUnloadable);
        var beta = LoadedPlugin.Load(catalog.Find("beta")!, _loader, isUnloadable);
        Assert.Equal("private 1", Greet(alpha));
        Assert.Equal("private 2", Greet(beta));
        Assert.Equal(isUnloadable, alpha.IsUnloadable);
    }

    [Fact]
    public void A_missing_deps_file_is_tolerated()
    {
        File.Delete(Path.Combine(_plugins.Copy("alpha"), "Alpha.deps.json"));
        Assert.Equal("private 1", Greet(LoadedPlugin.Load(Single(), _loader)));
    }

    [Fact]
    public void The_contract_is_the_hosts()
    {
        _plugins.Copy("alpha");
        var plugin = LoadedPlugin.Load(Single(), _loader);
        Assert.Equal("too loud", plugin.Validator!.Validate(JsonElement.Parse("""{"level":6}"""), new ConfigContext()));
        Assert.Null(plugin.Validator.Validate(JsonElement.Parse("""{"level":5}"""), new ConfigContext()));
        Assert.NotSame(typeof(PluginLoadingTests).Assembly, plugin.Plugin.GetType().Assembly);
    }

    [Fact]
    public void A_plugin_asks_by_its_declaration_whether_it_is_unloadable()
    {
        _plugins.Copy("alpha");
        Assert.True(LoadedPlugin.Load(Single(), _loader).IsUnloadable);
        _plugins.WithManifest("made", TestPlugins.Manifest());
        Assert.False(PluginCatalog.Scan([_plugins.Root]).Find("made")!.Declaration!.IsReloadable);
    }

    [Fact]
    public async Task An_unloaded_plugins_code_is_gone()
    {
        _plugins.Copy("alpha");
        UnloadedPlugin unloaded = LoadUseAndUnload();
        Assert.True(await unloaded.ProveAsync());
        Assert.Empty(unloaded.Holders());
    }

    [Fact]
    public async Task Code_that_somebody_refers_to_stays_and_shows_it()
    {
        _plugins.Copy("alpha");
        var (unloaded, held) = UnloadButHold();
        Assert.False(await unloaded.ProveAsync());
        Assert.Equal("something refers to the plugin's entry object", Assert.Single(unloaded.Holders()));
        GC.KeepAlive(held);
    }

    [Fact]
    public void A_file_that_is_replaced_while_its_code_is_loaded_gives_the_next_the_new_code()
    {
        string folder = _plugins.Copy("alpha");
        var old = LoadedPlugin.Load(Single(), _loader);
        Assert.Equal("private 1", Greet(old));
        File.Copy(Path.Combine(TestPlugins.Built, "beta", "Sample.Private.dll"), Path.Combine(folder, "Sample.Private.dll"), overwrite: true);
        Assert.Equal("private 2", Greet(LoadedPlugin.Load(Single(), _loader)));
        Assert.Equal("private 1", Greet(old));
    }

    [Fact]
    public void An_unloaded_plugin_can_not_be_used()
    {
        _plugins.Copy("alpha");
        var plugin = LoadedPlugin.Load(Single(), _loader);
        plugin.Unload();
        Assert.Throws<ObjectDisposedException>(() => plugin.Plugin);
        Assert.Throws<ObjectDisposedException>(plugin.Unload);
    }

    [Fact]
    public void A_constructor_that_throws_is_an_error_with_its_cause()
    {
        _plugins.Copy("faulty");
        var error = Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(Single(), _loader));
        Assert.Equal($"Plugin faulty ({_plugins.Root}/faulty/Faulty.dll) can not be started", error.Message);
        Assert.Equal("no firmware", Assert.IsType<InvalidOperationException>(error.InnerException).Message);
    }

    [Fact]
    public void An_entry_that_is_not_there_or_is_no_plugin_is_named()
    {
        var folder = _plugins.WithManifest("made", TestPlugins.Manifest(entry: "Nobody"));
        Assert.Equal(
            $"Plugin made ({folder}/Made.dll) has no public class `Nobody`, which its manifest names",
            Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(Single(), _loader)).Message);
        _plugins.WithManifest("made", TestPlugins.Manifest());
        Assert.Equal(
            "`Made` in plugin made is no IDevicePlugin of this host: rebuild the plugin",
            Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(Single(), _loader)).Message);
    }

    [Fact]
    public void A_refused_plugin_can_not_be_loaded()
    {
        _plugins.WithManifest("made", TestPlugins.Manifest(contract: "9.0"));
        var error = Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(Single(), _loader));
        Assert.StartsWith("Plugin made can not be used: it is built for contract 9.0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_changed_after_the_scan_is_an_error_not_a_crash()
    {
        var folder = _plugins.Copy("alpha");
        var entry = Single();
        File.WriteAllText(Path.Combine(folder, "Alpha.dll"), "garbage");
        Assert.IsType<BadImageFormatException>(Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(entry, _loader)).InnerException);
        File.Delete(Path.Combine(folder, "Alpha.dll"));
        foreach (bool isUnloadable in new[] { true, false })
        {
            Assert.Equal(
                $"Plugin alpha can not be loaded: {folder}/Alpha.dll is gone; vmm.reload-plugin takes what its folder has now",
                Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(entry, _loader, isUnloadable)).Message);
        }
    }

    [Fact]
    public void A_plugin_can_not_reach_the_host()
    {
        var host = Microsoft.CodeAnalysis.MetadataReference.CreateFromFile(typeof(PluginCatalog).Assembly.Location);
        var source = $$"""
            [assembly: Plugvisor.Abstractions.Configuration.PluginManifest({{Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(TestPlugins.Manifest(), true)}})]
            public class Made : Plugvisor.Abstractions.Devices.IDevicePlugin
            {
                public Made() => Reach();
                static void Reach() => Plugvisor.Plugins.Catalog.PluginCatalog.Scan([]);
                public Plugvisor.Abstractions.Devices.IDevice Create(Plugvisor.Abstractions.Devices.DeviceRequest r, Plugvisor.Abstractions.Devices.IDeviceHost h) => null!;
            }
            """;
        var folder = _plugins.WithManifest("made", TestPlugins.Manifest());
        using (var image = File.Create(Path.Combine(folder, "Made.dll")))
            Assert.True(Generators.GeneratorRun.Compile("Made", source).AddReferences(host).Emit(image, cancellationToken: TestContext.Current.CancellationToken).Success);
        var error = Assert.Throws<PluginLoadException>(() => LoadedPlugin.Load(Single(), _loader));
        Assert.Contains("`Plugvisor.Plugins` belongs to the host", error.InnerException!.ToString(), StringComparison.Ordinal);
    }

    private static string Greet(LoadedPlugin plugin)
    {
        var request = new DeviceRequest { Id = "x", Config = JsonElement.Parse("{}") };
        return Assert.Throws<DeviceException>(() => plugin.Plugin.Create(request, Mock.Of<IDeviceHost>())).Message;
    }

    private PluginEntry Single() => Assert.Single(PluginCatalog.Scan([_plugins.Root]).Entries);

    // Not inlined: a reference left in this frame would keep the code alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private UnloadedPlugin LoadUseAndUnload()
    {
        var plugin = LoadedPlugin.Load(Single(), _loader);
        Assert.True(plugin.IsUnloadable);
        Assert.Null(plugin.Validator!.Validate(JsonElement.Parse("{}"), new ConfigContext()));
        return plugin.Unload();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private (UnloadedPlugin Unloaded, object Held) UnloadButHold()
    {
        var plugin = LoadedPlugin.Load(Single(), _loader);
        var held = plugin.Plugin;
        return (plugin.Unload(), held);
    }
}
