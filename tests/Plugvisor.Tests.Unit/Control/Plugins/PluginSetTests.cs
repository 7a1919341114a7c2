using Plugvisor.Control;
using Plugvisor.Control.Plugins;
using Plugvisor.Plugins.Catalog;
using Plugvisor.Plugins.Loading;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Plugins;

public sealed class PluginSetTests : IDisposable
{
    private readonly TestPlugins _plugins = new();
    private readonly TestPlugins _elsewhere = new();

    public void Dispose()
    {
        _plugins.Dispose();
        _elsewhere.Dispose();
    }

    [Fact]
    public void A_plugin_that_comes_and_goes_makes_new_lists_and_leaves_the_old_ones_alone()
    {
        _plugins.Copy("beta");
        PluginSet set = Open();
        int changes = 0;
        set.Changed += () => changes++;
        var (kinds, entries) = (set.Kinds, set.Entries);
        LoadedPlugin alpha = set.Prepare(_elsewhere.Copy("alpha"));
        Assert.Same(kinds, set.Kinds);   // nobody sees it yet
        set.Add(alpha);
        Assert.Equal(["alpha", "beta"], set.Kinds.Select(kind => kind.Declaration.Kind));
        Assert.Equal("beta", Assert.Single(kinds).Declaration.Kind);
        Assert.Same(kinds[0], set.Kinds[1]);   // who is not concerned keeps its schema
        Assert.Single(entries);
        Assert.NotNull(set.Load("alpha"));

        Assert.NotNull(set.Remove(set.Find("alpha")));
        Assert.Equal("beta", Assert.Single(set.Kinds).Declaration.Kind);
        Assert.Equal("beta", Assert.Single(set.Entries).Name);
        Assert.Equal("there is no plugin for device kind alpha", Assert.Throws<VmmException>(() => set.Load("alpha")).Message);
        Assert.Equal(2, changes);
    }

    [Fact]
    public void A_plugin_is_found_by_its_name_and_by_its_folder()
    {
        string folder = _plugins.Copy("alpha");
        PluginSet set = Open();
        Assert.Same(set.Find("alpha"), set.Find(folder));
        Assert.Same(set.Find("alpha"), set.Find(folder + "/"));
        VmmException error = Assert.Throws<VmmException>(() => set.Find("gamma"));
        Assert.Equal((VmmErrorKind.NotFound, "there is no plugin gamma; vmm.plugins lists those that there are"), (error.Kind, error.Message));
    }

    [Fact]
    public void A_name_that_two_folders_have_is_no_name_but_their_paths_are()
    {
        string first = _plugins.Copy("alpha", "twin");
        string second = _elsewhere.Copy("beta", "twin");
        PluginSet set = PluginSet.Open([_plugins.Root, _elsewhere.Root], isReserved: null);
        Assert.Equal(
            $"there are two plugins twin, {first} and {second}: give the folder's path in place of the name",
            Refused(VmmErrorKind.InvalidConfig, () => set.Find("twin")));
        Assert.Equal("beta", set.Find(second).Declaration!.Kind);
    }

    [Fact]
    public void A_plugin_that_was_refused_at_the_start_is_told_from_one_that_there_is_not()
    {
        string folder = _plugins.WithManifest("newer", TestPlugins.Manifest(contract: "1.99"));
        PluginSet set = Open();
        string text = $"plugin newer is not in use: it is built for contract 1.99, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one; "
            + $"vmm.load-plugin takes {folder} when that is mended";
        Assert.Equal(text, Refused(VmmErrorKind.NotFound, () => set.Find("newer")));
        Assert.Equal(text, Refused(VmmErrorKind.NotFound, () => set.Find(folder)));
        Assert.Equal("there is no plugin older; vmm.plugins lists those that there are", Refused(VmmErrorKind.NotFound, () => set.Find("older")));
    }

    [Fact]
    public void What_cannot_be_a_plugin_is_refused_in_words()
    {
        PluginSet set = PluginSet.Open([_plugins.Root], name => name == "beta");
        Assert.Equal("`alpha` is no absolute path: give that of the plugin's folder, beginning with /", Invalid("alpha"));
        Assert.Equal("`` is no absolute path: give that of the plugin's folder, beginning with /", Invalid(""));
        Assert.StartsWith("`/tmp/a\0b` is no absolute path", Invalid("/tmp/a\0b"), StringComparison.Ordinal);
        Assert.Equal("there is no directory /no/such/folder", Invalid("/no/such/folder/"));
        string alpha = _elsewhere.Copy("alpha");
        Assert.Equal(
            $"{alpha}/Alpha.dll is a file: give the folder that the plugin's assembly lies in", Invalid(Path.Combine(alpha, "Alpha.dll")));
        Assert.Equal(
            "plugin newer cannot be used: it is built for contract 1.99, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one",
            Invalid(_elsewhere.WithManifest("newer", TestPlugins.Manifest(contract: "1.99"))));
        Assert.Equal(
            "plugin beta cannot be used: its kind `beta` (section `beta`) is one of the host's own options", Invalid(_elsewhere.Copy("beta")));
        Assert.StartsWith("plugin empty cannot be used: there is no assembly in it",
            Invalid(Directory.CreateDirectory(Path.Combine(_elsewhere.Root, "empty")).FullName), StringComparison.Ordinal);
        Assert.StartsWith("plugin / cannot be used: ", Invalid("/"), StringComparison.Ordinal);
        Assert.Empty(set.Entries);

        string Invalid(string path) => Refused(VmmErrorKind.InvalidConfig, () => set.Prepare(path));
    }

    [Fact]
    public void A_plugin_that_throws_when_it_is_made_is_refused_with_its_cause_and_leaves_nothing()
    {
        PluginSet set = Open();
        string folder = _elsewhere.Copy("faulty");
        var error = Assert.Throws<VmmException>(() => set.Prepare(folder));
        Assert.Equal(VmmErrorKind.InvalidConfig, error.Kind);
        Assert.Equal([$"Plugin faulty ({folder}/Faulty.dll) can not be started", "no firmware"], ErrorChain.Of(error));
        Assert.Empty(set.Entries);
        Assert.Empty(set.Kinds);
    }

    [Fact]
    public void Two_of_a_kind_a_name_or_a_folder_are_refused()
    {
        string own = _plugins.Copy("alpha");
        PluginSet set = Open();
        Assert.Equal($"plugin alpha is loaded already, from {own}; vmm.reload-plugin takes the folder's present content", Conflict(own));
        Assert.Equal(
            $"a plugin alpha is loaded already, from {own}: unload it, or give one of the folders another name", Conflict(_elsewhere.Copy("beta", "alpha")));
        Assert.Equal(
            $"plugin other: its kind `alpha` (section `alpha`) is also declared by {own}: keep one of the two", Conflict(_elsewhere.Copy("alpha", "other")));

        string Conflict(string path) => Refused(VmmErrorKind.Conflict, () => set.Prepare(path));
    }

    [Fact]
    public void A_plugin_that_was_refused_at_the_start_is_listed_once_after_it_was_mended()
    {
        string folder = _plugins.WithManifest("made", TestPlugins.Manifest(contract: "1.99"));
        PluginSet set = Open();
        Assert.Equal(PluginStatus.Refused, Assert.Single(set.Entries).Status);
        Directory.Delete(folder, recursive: true);
        set.Add(set.Prepare(_plugins.Copy("alpha", "made")));
        Assert.Equal(PluginStatus.Ready, Assert.Single(set.Entries).Status);
    }

    [Fact]
    public void A_successor_takes_the_place_of_its_kind_only()
    {
        string folder = _plugins.Copy("alpha");
        PluginSet set = Open();
        PluginEntry present = set.Find("alpha");
        LoadedPlugin successor = set.Prepare(folder, present);
        Assert.Null(set.Replace(present, successor));   // its code had never been asked for
        Assert.Same(successor.Plugin, set.Load("alpha"));
        Assert.Same(successor.Entry, Assert.Single(set.Entries));

        Directory.Delete(folder, recursive: true);
        _plugins.Copy("beta", "alpha");
        Assert.Equal(
            "plugin alpha declares `beta` (section `beta`) now and `alpha` (section `alpha`) before: unload it, then load it again",
            Refused(VmmErrorKind.InvalidConfig, () => set.Prepare(folder, successor.Entry)));
    }

    [Fact]
    public void A_plugin_that_the_boot_loaded_for_good_is_permanent_and_one_that_came_later_is_not()
    {
        _plugins.Copy("alpha");   // asks to be unloadable
        PluginSet set = Open();
        _ = set.Load("alpha");
        Assert.Null(set.WhyPermanent(set.Find("alpha")));

        PluginSet permanent = PluginSet.Open([_plugins.Root], isReserved: null, new PermanentLoader());
        Assert.Null(permanent.WhyPermanent(permanent.Find("alpha")));   // not loaded yet
        _ = permanent.Load("alpha");
        Assert.Equal(
            "plugin alpha stays until the VMM ends: its code was loaded as one of those that were there at the start, and it is not declared reloadable "
            + "([DevicePlugin(Reloadable = true)])", permanent.WhyPermanent(permanent.Find("alpha")));
    }

    [Fact]
    public async Task A_leak_is_listed_until_its_code_is_gone()
    {
        _plugins.Copy("alpha");
        PluginSet set = Open();
        object? held = set.Load("alpha");
        UnloadedPlugin code = set.Remove(set.Find("alpha"))!;
        Assert.False(await code.ProveAsync());
        set.ReportLeak(code, "a test");
        PluginEntry leaked = Assert.Single(set.Entries);
        Assert.Equal(("alpha", PluginStatus.Leaked, "a test"), (leaked.Name, leaked.Status, leaked.Reason));
        Assert.Throws<VmmException>(() => set.Find("alpha"));
        GC.KeepAlive(held);
    }

    private static string Refused(VmmErrorKind kind, Action action)
    {
        var error = Assert.Throws<VmmException>(action);
        Assert.Equal(kind, error.Kind);
        return error.Message;
    }

    private PluginSet Open() => PluginSet.Open([_plugins.Root], isReserved: null);

    private sealed class PermanentLoader : IPluginLoader
    {
        private readonly AssemblyLoadContextPluginLoader _loader = new();

        public IPluginCode Load(string assemblyPath, bool isUnloadable) => _loader.Load(assemblyPath, isUnloadable: false);
    }
}
