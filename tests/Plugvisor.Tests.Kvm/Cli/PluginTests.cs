using System.Text;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Api;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Cli;

/// <summary>What an operator sees of plugins: the list, why one is refused, and what follows from that for the options.</summary>
public sealed class PluginTests : IDisposable
{
    private static readonly string Shipped = Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins");

    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-plugins").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_list_names_version_kind_contract_and_status()
    {
        using VmmProcess vmm = VmmProcess.Start("plugins");

        string[] lines = (await vmm.FinishAsync()).Split('\n');
        Assert.Matches("^PLUGIN +VERSION +KIND +CONTRACT +STATUS$", lines[0]);
        Assert.Contains(lines, line => System.Text.RegularExpressions.Regex.IsMatch(line, @"^virtio-blk +\d+\.\d+\.\d+ +disk +1\.1 +ready$"));
    }

    [Fact]
    public async Task The_list_can_be_read_by_programs()
    {
        using VmmProcess vmm = VmmProcess.Start("plugins", "--json");

        using JsonDocument json = JsonDocument.Parse(await vmm.FinishAsync());
        Assert.Contains(json.RootElement.EnumerateArray(), plugin =>
            plugin.GetProperty("kind").GetString() == "rng" && plugin.GetProperty("status").GetString() == "ready");
    }

    [Fact]
    public async Task A_broken_plugin_is_refused_with_its_reason_and_the_others_work()
    {
        Copy("virtio-rng");
        string broken = Copy("virtio-blk");
        await File.WriteAllBytesAsync(Directory.GetFiles(broken, "*.dll").Single(), "MZ, but not an assembly"u8.ToArray(), TestContext.Current.CancellationToken);

        using VmmProcess list = VmmProcess.Start("plugins", "--plugin-dir", _directory);
        string text = await list.FinishAsync();
        Assert.Matches(@"virtio-blk .*refused: \S+", text);
        Assert.Matches("virtio-rng .*ready", text);

        using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("hello"), "--serial", "tty", "--plugin-dir", _directory);
        Assert.Equal("hello", (await vmm.FinishAsync()).Trim());
        Assert.Contains("plugin virtio-blk is not used", vmm.Log);
    }

    [Fact]
    public async Task A_plugin_that_brings_its_own_contract_is_refused_and_its_option_says_why()
    {
        string folder = Copy("virtio-blk");
        File.Copy(Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "Plugvisor.Virtio.dll"), Path.Combine(folder, "Plugvisor.Virtio.dll"));

        using VmmProcess vmm = VmmProcess.Start(
            "--kernel", GuestImages.Of("hello"), "--plugin-dir", _directory, "--disk", "path=x");
        Assert.Equal(2, await vmm.WaitForExitAsync());
        Assert.Contains("--disk", vmm.Log);
        Assert.Contains("Plugvisor.Virtio.dll", vmm.Log);
    }

    [Fact]
    public async Task Two_plugins_that_carry_different_versions_of_a_library_run_theirs_in_one_process()
    {
        using RestVmm vmm = await RestVmm.StartAsync("--plugin-dir", TestPlugins.Folder);
        using ApiClient client = vmm.Open();

        // Their devices are never made: Create tells what the library answered.
        foreach ((string kind, string says) in new[] { ("alpha", "private 1"), ("beta", "private 2"), ("alpha", "private 1") })
        {
            Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("hello", more: $",\"{kind}\":[{{\"level\":2}}]").Replace(",\"console\":{\"mode\":\"Off\"}", "", StringComparison.Ordinal))).Code);
            ApiAnswer boot = await client.PutAsync("vm.boot");
            Assert.Equal(500, boot.Code);
            Assert.Contains(boot.Errors, text => text.Contains(says, StringComparison.Ordinal));
            Assert.Equal(204, (await client.PutAsync("vm.delete")).Code);
        }
    }

    [Theory]
    [InlineData("1.0", null)]
    [InlineData("1.1", null)]
    [InlineData("1.2", "it is built for contract 1.2, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one")]
    [InlineData("2.0", "it is built for contract 2.0, this host has 1.1: it needs a newer Plugvisor, or a plugin built for this one")]
    public async Task A_plugin_built_for_an_older_minor_contract_loads_and_for_a_newer_one_is_refused_in_words(string contract, string? reason)
    {
        // A real plugin whose file says that it was built for another version.
        string assembly = Directory.GetFiles(Copy("virtio-rng"), "*.dll").Single();
        byte[] bytes = await File.ReadAllBytesAsync(assembly, TestContext.Current.CancellationToken);
        byte[] built = Encoding.UTF8.GetBytes("\"contract\":\"1.1\"");
        int at = bytes.AsSpan().IndexOf(built);
        Assert.True(at > 0 && bytes.AsSpan(at + 1).IndexOf(built) < 0);
        Encoding.UTF8.GetBytes($"\"contract\":\"{contract}\"").CopyTo(bytes.AsSpan(at));
        await File.WriteAllBytesAsync(assembly, bytes, TestContext.Current.CancellationToken);

        using VmmProcess list = VmmProcess.Start("plugins", "--plugin-dir", _directory);
        Assert.Contains(reason ?? "ready", await list.FinishAsync(), StringComparison.Ordinal);

        using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("rng"), "--serial", "tty", "--plugin-dir", _directory, "--rng", "src=/dev/urandom");
        Assert.Equal(reason is null ? 0 : 2, await vmm.WaitForExitAsync());
        Assert.Contains(reason ?? " ok", reason is null ? vmm.Serial : vmm.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_any_plugin_a_guest_still_boots()
    {
        using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("hello"), "--serial", "tty", "--plugin-dir", _directory);

        Assert.Equal("hello", (await vmm.FinishAsync()).Trim());
    }

    private string Copy(string name)
    {
        string target = Path.Combine(_directory, name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(Path.Combine(Shipped, name))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return target;
    }
}
