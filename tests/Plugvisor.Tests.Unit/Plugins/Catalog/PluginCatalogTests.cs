using Plugvisor.Plugins.Catalog;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Catalog;

public sealed class PluginCatalogTests : IDisposable
{
    private readonly TestPlugins _plugins = new();

    public void Dispose() => _plugins.Dispose();

    [Fact]
    public void Built_plugins_are_found_with_what_they_declare()
    {
        _plugins.Copy("alpha");
        _plugins.Copy("beta");
        var catalog = PluginCatalog.Scan([_plugins.Root]);
        Assert.Equal(["alpha", "beta"], catalog.Ready.Select(entry => entry.Declaration!.Kind));
        var alpha = catalog.Find("alpha")!;
        Assert.Equal("alpha", alpha.Name);
        Assert.Equal(Path.Combine(_plugins.Root, "alpha", "Alpha.dll"), alpha.AssemblyPath);
        Assert.Equal("Sample.Alpha.Plugin", alpha.Declaration!.Entry);
        Assert.Equal("0.1.0", alpha.Declaration.Version);
        Assert.True(alpha.Declaration.IsReloadable);
        Assert.Same(alpha, catalog.FindSection("alpha"));
        Assert.Null(catalog.Find("gamma"));
    }

    [Fact]
    public void A_relative_directory_gives_absolute_paths()
    {
        _plugins.Copy("alpha");
        var catalog = PluginCatalog.Scan([Path.GetRelativePath(Environment.CurrentDirectory, _plugins.Root)]);
        Assert.Equal(Path.Combine(_plugins.Root, "alpha", "Alpha.dll"), catalog.Find("alpha")!.AssemblyPath);
    }

    [Fact]
    public void Reading_a_declaration_loads_none_of_the_plugins_code()
    {
        _plugins.Copy("faulty");
        Assert.Equal(PluginStatus.Ready, Single().Status);
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name == "Faulty" && assembly.Location.StartsWith(_plugins.Root, StringComparison.Ordinal));
    }

    [Fact]
    public void Slots_order_the_ready_ones_then_kinds()
    {
        _plugins.WithManifest("a", TestPlugins.Manifest("late"));
        _plugins.WithManifest("b", TestPlugins.Manifest("second", more: ",\"slot\":100"));
        _plugins.WithManifest("c", TestPlugins.Manifest("first", more: ",\"slot\":100"));
        _plugins.WithManifest("d", TestPlugins.Manifest("zero", more: ",\"slot\":0"));
        Assert.Equal(["zero", "first", "second", "late"], PluginCatalog.Scan([_plugins.Root]).Ready.Select(entry => entry.Declaration!.Kind));
    }

    [Theory]
    [InlineData("2.0", "it is built for contract 2.0, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one")]
    [InlineData("1.2", "it is built for contract 1.2, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one")]
    [InlineData("0.9", "it is built for contract 0.9, this host has 1.1: rebuild the plugin")]
    public void A_contract_that_does_not_fit_is_refused(string contract, string reason)
    {
        _plugins.WithManifest("made", TestPlugins.Manifest(contract: contract));
        Assert.Equal(reason, Refused().Reason);
        Assert.Equal("made", Single().Declaration!.Kind);
    }

    [Theory]
    [InlineData("Plugvisor.Abstractions.dll")]
    [InlineData("plugvisor.linux.DLL")]
    [InlineData("Plugvisor.Virtio.dll")]
    public void A_plugin_with_its_own_copy_of_the_contract_is_refused(string file)
    {
        File.WriteAllText(Path.Combine(_plugins.Copy("alpha"), file), "");
        Assert.Equal(
            $"it carries its own {file}, which belongs to the host: delete the file, and reference the contract with ExcludeAssets=\"runtime\" (a project's reference with Private=\"false\" as well)",
            Refused().Reason);
    }

    [Fact]
    public void Two_of_a_kind_in_one_directory_are_both_refused()
    {
        _plugins.Copy("alpha", "one");
        _plugins.Copy("alpha", "two");
        _plugins.Copy("alpha", "three");
        _plugins.Copy("beta");
        var catalog = PluginCatalog.Scan([_plugins.Root]);
        Assert.Equal("beta", Assert.Single(catalog.Ready).Name);
        Assert.Equal(3, catalog.Entries.Count(entry => entry.Status == PluginStatus.Refused));
        Assert.Equal(
            $"its kind `alpha` (section `alpha`) is also declared by {_plugins.Root}/three: keep one of the two",
            catalog.Entries.Single(entry => entry.Name == "one").Reason);
    }

    [Fact]
    public void A_section_can_not_be_shared_by_two_kinds()
    {
        _plugins.WithManifest("a", TestPlugins.Manifest("disk", "disks"));
        _plugins.WithManifest("b", TestPlugins.Manifest("cdrom", "disks"));
        Assert.Empty(PluginCatalog.Scan([_plugins.Root]).Ready);
    }

    [Fact]
    public void A_later_directory_replaces_a_plugin()
    {
        using var later = new TestPlugins();
        _plugins.Copy("alpha");
        later.Copy("alpha", "newer");
        var catalog = PluginCatalog.Scan([_plugins.Root, later.Root]);
        Assert.Equal("newer", Assert.Single(catalog.Ready).Name);
        var old = catalog.Entries.Single(entry => entry.Name == "alpha");
        Assert.Equal(PluginStatus.Replaced, old.Status);
        Assert.Equal($"{later.Root}/newer, whose directory comes later, has its kind", old.Reason);
    }

    [Fact]
    public void A_later_directory_can_not_take_another_kinds_section()
    {
        using var later = new TestPlugins();
        _plugins.WithManifest("a", TestPlugins.Manifest("disk", "disks"));
        later.WithManifest("b", TestPlugins.Manifest("cdrom", "disks"));
        var catalog = PluginCatalog.Scan([_plugins.Root, later.Root]);
        Assert.Equal("disk", Assert.Single(catalog.Ready).Declaration!.Kind);
        Assert.Contains("is also declared by", catalog.Entries[1].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpus", "made")]
    [InlineData("made", "cpus")]
    public void A_plugin_can_not_take_a_name_of_the_host(string kind, string section)
    {
        _plugins.WithManifest("made", TestPlugins.Manifest(kind, section));
        var entry = Assert.Single(PluginCatalog.Scan([_plugins.Root], name => name == "cpus").Entries);
        Assert.Equal($"its kind `{kind}` (section `{section}`) is one of the host's own options", entry.Reason);
    }

    [Fact]
    public void A_folder_without_a_plugin_says_what_to_do()
    {
        Directory.CreateDirectory(Path.Combine(_plugins.Root, "empty"));
        Assert.Equal("there is no assembly in it: a plugin's folder is what `dotnet publish` makes", Refused().Reason);
    }

    [Fact]
    public void A_folder_with_other_assemblies_says_what_makes_a_plugin_of_one()
    {
        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(_plugins.Root, "plain")).FullName, "Plain.dll"), TestPlugins.Compile(manifest: null));
        Assert.Equal(
            "no assembly in it has a plugin manifest: build the plugin with the package Plugvisor.Abstractions, which has the generator for it, and mark its entry [DevicePlugin]",
            Refused().Reason);
    }

    [Fact]
    public void A_folder_with_plugins_in_it_names_them()
    {
        string inner = Path.Combine(_plugins.Root, "set");
        _plugins.Copy("alpha", directory: inner);
        _plugins.Copy("beta", directory: inner);
        Assert.Equal("it is a directory of plugins and none itself: give the folder of one, alpha or beta", Refused().Reason);
    }

    [Fact]
    public void A_plugins_own_folder_in_place_of_a_directory_of_plugins_is_told()
    {
        string folder = _plugins.Copy("alpha");
        var entry = Assert.Single(PluginCatalog.Scan([folder + "/"]).Entries);
        Assert.Equal(("alpha", PluginStatus.Refused), (entry.Name, entry.Status));
        Assert.Equal($"{folder} is the plugin's folder and no directory of plugins: give {_plugins.Root}", entry.Reason);
        Assert.Equal("alpha", entry.Declaration!.Kind);
    }

    [Fact]
    public void Hidden_folders_are_nobodys_plugins()
    {
        _plugins.Copy("alpha", ".alpha.part");
        Assert.Empty(PluginCatalog.Scan([_plugins.Root]).Entries);
    }

    [Fact]
    public void Without_a_deps_file_every_assembly_is_looked_at()
    {
        var folder = _plugins.Copy("alpha");
        File.Delete(Path.Combine(folder, "Alpha.deps.json"));
        Assert.Equal(PluginStatus.Ready, Single().Status);
        File.WriteAllBytes(Path.Combine(folder, "Another.dll"), TestPlugins.Compile(TestPlugins.Manifest()));
        Assert.Equal("Alpha.dll and Another.dll both have a plugin manifest: give each a folder of its own", Refused().Reason);
    }

    [Fact]
    public void What_is_no_assembly_does_not_matter_beside_one_that_is()
    {
        var folder = _plugins.Copy("alpha");
        File.Delete(Path.Combine(folder, "Alpha.deps.json"));
        File.WriteAllText(Path.Combine(folder, "Native.dll"), "no PE file");
        File.WriteAllBytes(Path.Combine(folder, "Broken.dll"), File.ReadAllBytes(Path.Combine(folder, "Alpha.dll"))[..700]);
        Assert.Equal(PluginStatus.Ready, Single().Status);
    }

    [Theory]
    [InlineData("", "its manifest is no JSON as it should be: expected more at byte 0")]
    [InlineData("[]", "its manifest is no JSON as it should be: expected `{` at byte 0")]
    [InlineData("{}", "its manifest has format 0, this host reads format 1")]
    [InlineData("{\"manifest\":2}", "its manifest has format 2, this host reads format 1")]
    [InlineData("{\"manifest\":1,\"contract\":\"one\"}", "its manifest states the contract version `one`, which is none")]
    [InlineData("{\"manifest\":1,\"contract\":\"1\"}", "its manifest states the contract version `1`, which is none")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.\"}", "its manifest states the contract version `1.`, which is none")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0.0\"}", "its manifest states the contract version `1.0.0`, which is none")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.99999999999999999999\"}", "its manifest states the contract version")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0\"}", "its manifest lacks `entry`")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0\",\"kind\":7}", "its manifest is no JSON as it should be: expected `\"` at byte")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0\",\"kind\":\"k\",\"section\":\"k\",\"entry\":\"E\",\"cardinality\":\"list\"}", "its manifest lacks `members`")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0\",\"kind\":\"k\",\"section\":\"k\",\"entry\":\"E\",\"cardinality\":\"many\",\"members\":[]}", "its manifest has the cardinality `many`")]
    [InlineData("{\"manifest\":1,\"contract\":\"1.0\",\"kind\":\"k\",\"section\":\"k\",\"entry\":\"E\",\"cardinality\":\"list\",\"members\":[{\"name\":\"m\",\"type\":\"date\"}]}", "its manifest has a member of the type `date`")]
    public void A_manifest_that_makes_no_sense_is_refused(string json, string reason)
    {
        _plugins.WithManifest("made", json);
        Assert.StartsWith(reason, Refused().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_is_not_there_is_an_entry_that_says_so()
    {
        var entry = Assert.Single(PluginCatalog.Scan([Path.Combine(_plugins.Root, "nowhere")]).Entries);
        Assert.Equal("the plugin directory does not exist", entry.Reason);
        Assert.Equal("nowhere", entry.Name);
    }

    private PluginEntry Single() => Assert.Single(PluginCatalog.Scan([_plugins.Root]).Entries);

    private PluginEntry Refused()
    {
        var entry = Single();
        Assert.Equal(PluginStatus.Refused, entry.Status);
        Assert.Empty(PluginCatalog.Scan([_plugins.Root]).Ready);
        return entry;
    }
}
