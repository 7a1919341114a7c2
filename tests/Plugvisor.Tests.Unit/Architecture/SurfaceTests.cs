using System.Reflection;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Events;
using Plugvisor.Testing.Memory;
using Plugvisor.VhostUser.Devices;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Architecture;

/// <summary>
/// The public surface of the contract and of the library for tests against the PublicSurface.txt of each. The files are exact: what is listed has been promised to plugins that are
/// built already and may not go or change within a major, and what is new is looked at before it is promised, which <c>eng/surface</c> does.
/// </summary>
public sealed class SurfaceTests
{
    public static TheoryData<string> Published => [.. Assemblies.Keys];

    private static Dictionary<string, Assembly> Assemblies { get; } = new()
    {
        ["abstractions/Plugvisor.Abstractions"] = typeof(IDevice).Assembly,
        ["abstractions/Plugvisor.Linux"] = typeof(EventFd).Assembly,
        ["abstractions/Plugvisor.Virtio"] = typeof(IVirtioDevice).Assembly,
        ["abstractions/Plugvisor.VhostUser"] = typeof(VhostUserDevice).Assembly,
        ["tests/Plugvisor.Testing"] = typeof(GuestMemoryMock).Assembly,
    };

    [Theory]
    [MemberData(nameof(Published))]
    public async Task What_is_public_is_what_has_been_promised_no_less_and_no_more(string folder)
    {
        string name = $"{folder}/PublicSurface.txt", file = Path.Combine(Root(), name);
        List<string> now = Surface.Of(Assemblies[folder]);
        if (Environment.GetEnvironmentVariable("PLUGVISOR_WRITE_SURFACE") == "1")
            await File.WriteAllLinesAsync(file, now, TestContext.Current.CancellationToken);
        string[] promised = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);

        Assert.True(promised.Length > 20);
        string gone = Listed(promised.Except(now)), added = Listed(now.Except(promised));
        Assert.True(gone.Length == 0, $"Gone or changed, though {name} promises it to plugins that are built already:{gone}\nNew:{added}");
        Assert.True(added.Length == 0, $"New, and not in {name} yet. If it is meant to be public, run eng/surface and commit the file:{added}");
        Assert.Equal(promised, now);
    }

    private static string Listed(IEnumerable<string> lines) => string.Concat(lines.Select(line => $"\n  {line}"));

    private static string Root()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Plugvisor.slnx"))) return at;
        }

        throw new DirectoryNotFoundException($"no Plugvisor.slnx in {AppContext.BaseDirectory} or above it");
    }
}
