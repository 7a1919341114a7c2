using System.Reflection;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.VhostUser.Devices;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Architecture;

/// <summary>
/// The contract's public surface against abstractions/*/PublicSurface.txt. What is listed there has been promised to plugins that are built already: it may not go
/// or change within a major. What is new is printed, and <c>eng/surface</c> adds it.
/// </summary>
public sealed class SurfaceTests
{
    public static TheoryData<string> Contract => [.. Assemblies.Keys];

    private static Dictionary<string, Assembly> Assemblies { get; } = new()
    {
        ["Plugvisor.Abstractions"] = typeof(IDevice).Assembly,
        ["Plugvisor.Linux"] = typeof(EventFd).Assembly,
        ["Plugvisor.Virtio"] = typeof(IVirtioDevice).Assembly,
        ["Plugvisor.VhostUser"] = typeof(VhostUserDevice).Assembly,
    };

    [Theory]
    [MemberData(nameof(Contract))]
    public async Task What_the_contract_has_promised_is_there_unchanged(string assembly)
    {
        string file = Path.Combine(Root(), "abstractions", assembly, "PublicSurface.txt");
        List<string> now = Surface.Of(Assemblies[assembly]);
        if (Environment.GetEnvironmentVariable("PLUGVISOR_WRITE_SURFACE") == "1")
            await File.WriteAllLinesAsync(file, now, TestContext.Current.CancellationToken);
        string[] promised = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);

        Assert.True(promised.Length > 20);
        Assert.Equal([], promised.Except(now));
        foreach (string line in now.Except(promised)) TestContext.Current.TestOutputHelper?.WriteLine($"new, not yet promised (eng/surface adds it): {line}");
    }

    private static string Root()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Plugvisor.slnx"))) return at;
        }

        throw new DirectoryNotFoundException($"no Plugvisor.slnx in {AppContext.BaseDirectory} or above it");
    }
}
