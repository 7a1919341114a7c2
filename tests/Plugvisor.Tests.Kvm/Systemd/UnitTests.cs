using System.Diagnostics;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Systemd;

/// <summary>The unit templates of eng/systemd as systemd itself judges them.</summary>
public sealed class UnitTests : IDisposable
{
    private const string Installed = "/usr/lib/plugvisor/";

    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-units").FullName;

    public UnitTests()
    {
        foreach (string kind in (string[])["service", "socket"])
        {
            // As installed, except where the programs are.
            string unit = File.ReadAllText(Path.Combine(Repository.Root, "eng", "systemd", $"plugvisor@.{kind}"));
            File.WriteAllText(Path.Combine(_directory, $"plugvisor@vm1.{kind}"), unit.Replace(Installed, Path.Combine(Repository.Root, "out") + "/"));
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Systemd_finds_nothing_wrong_with_the_units() =>
        Assert.Equal((0, ""), await AnalyzeAsync("verify", "--man=no", PathOf("service"), PathOf("socket")));

    [Fact]
    public async Task The_sandbox_leaves_little_exposed()
    {
        (int code, string output) = await AnalyzeAsync("security", "--offline=yes", "--threshold=20", PathOf("service"));
        Assert.True(code == 0, output);
    }

    private string PathOf(string kind) => Path.Combine(_directory, $"plugvisor@vm1.{kind}");

    private static async Task<(int Code, string Output)> AnalyzeAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("systemd-analyze", arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["SYSTEMD_LOG_LEVEL"] = "warning" },
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await errors);
    }
}
