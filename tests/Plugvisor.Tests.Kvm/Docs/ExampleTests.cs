using Plugvisor.Tests.Kvm.Api;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Docs;

/// <summary>The worked examples of docs/examples, each driven by a guest.</summary>
public sealed class ExampleTests
{
    [Theory]
    [InlineData("crc", "crc queues 2 e3069283 8a9136aa ok")]
    [InlineData("edu", "edu refused 4 of 4 after_reset ffffffff ok")]
    public async Task A_guest_drives_the_example(string name, string result)
    {
        string id = $"id=the_{name}";
        using VmmProcess vmm = VmmProcess.Boot(
            name, "", "--plugin-dir", Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins"), TestPlugins.Folder, $"--{name}", id);

        string serial = await vmm.FinishAsync();

        Assert.True(serial.Contains(result, StringComparison.Ordinal), vmm.Everything());
    }

    [Fact]
    public async Task A_guest_that_rings_and_moves_the_bar_does_not_notice_new_code()
    {
        using RestVmm vmm = await RestVmm.StartAsync("-v", "--plugin-dir", Path.Combine(Path.GetDirectoryName(Repository.Plugvisor)!, "plugins"), "--plugin-dir", TestPlugins.Folder);
        using ApiClient client = vmm.Open();
        Assert.Equal(204, (await client.PutAsync("vm.create", RestVmm.ConfigOf("edu", "ms=3000", ",\"edus\":[{}]"))).Code);
        Assert.Equal(204, (await client.PutAsync("vm.boot")).Code);
        await vmm.Process.WaitForAsync("edu factorial");
        int reloads = 0;
        for (; !vmm.Process.Everything().Contains("edu rings", StringComparison.Ordinal); reloads++)
        {
            ApiAnswer answer = await client.PutAsync("vmm.reload-plugin", """{"id":"edu"}""");
            Assert.True(answer.Code == 200, $"{answer}{vmm.Process.Everything()}");
        }

        await vmm.Process.WaitForAsync("edu refused 4 of 4 after_reset ffffffff ok");
        await vmm.Process.WaitForAsync("plugin edu: 1 of its devices stood still");
        TestContext.Current.TestOutputHelper?.WriteLine($"{reloads} reloads");
        Assert.True(reloads > 0, vmm.Process.Everything());
    }
}
