using Plugvisor.Tests.Kvm.Api;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>A guest with devices of tests/plugins/misbehaving, and a disk that has to go on working beside them.</summary>
internal static class Misbehaving
{
    /// <summary>How a report about the plugin begins.</summary>
    public const string Culprit = "plugin misbehaving: ";

    private static readonly string[] s_directories =
        ["--plugin-dir", Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins"), TestPlugins.Folder];

    /// <summary>The disk works, the API answers, the process ends by itself.</summary>
    public static async Task EndAsync(RestVmm vmm, ApiClient client)
    {
        foreach (string question in new[] { "vmm.ping", "vm.info", "vm.counters" })
        {
            ApiAnswer answer = await client.GetAsync(question);
            Assert.True(answer.Code == 200, $"{question}: {answer}{vmm.Process.Everything()}");
        }

        ulong before = await DiskReadsAsync(client);
        long deadline = Environment.TickCount64 + 60_000;
        while (await DiskReadsAsync(client) == before) Assert.True(Environment.TickCount64 < deadline, $"the disk stands still{vmm.Process.Everything()}");
        Assert.Equal(200, (await client.PutAsync("vmm.shutdown")).Code);
        await vmm.Process.FinishAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>Boots it from the command line.</summary>
    public static VmmProcess Boot(PatternImage disk, string options, string[] devices) => VmmProcess.Boot(
        "bad-plugin", options, ["--cpus", "boot=2", .. s_directories, "--disk", $"path={disk.Path},image_type=raw", "--misbehave", .. devices]);

    /// <summary>Boots it by the API, with more members of its configuration.</summary>
    public static async Task<RestVmm> StartAsync(PatternImage disk, string options, string more)
    {
        RestVmm vmm = await RestVmm.StartAsync(s_directories);
        string config = RestVmm.ConfigOf("bad-plugin", options,
            $$""","cpus":{"boot_vcpus":2,"max_vcpus":2},"disks":[{"path":"{{disk.Path}}","image_type":"Raw"}]{{more}}""");
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", config)).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        return vmm;
    }

    private static async Task<ulong> DiskReadsAsync(ApiClient client) =>
        (await client.GetAsync("vm.counters")).Json.GetProperty("_disk0").GetProperty("read_ops").GetUInt64();
}
