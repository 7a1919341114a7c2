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
}
