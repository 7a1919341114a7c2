using System.Diagnostics;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Kvm.Remote;
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

    [Fact]
    public async Task A_socket_that_systemd_opened_is_the_api_socket()
    {
        string socket = Path.Combine(_directory, "vm1.sock");
        using Process listener = Process.Start(new ProcessStartInfo(
            "systemd-socket-activate", ["-l", socket, Repository.Program("plugvisor"), "--api-socket", "fd=3"]) { RedirectStandardError = true })!;
        try
        {
            // It says so when it listens; with the first client it becomes the program.
            while (await listener.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.Contains("Listening", StringComparison.Ordinal))
                Assert.DoesNotContain("Failed", line, StringComparison.Ordinal);
            RemoteRun ping = await RemoteRun.RunAsync([], "", new Dictionary<string, string>(), "--api-socket", socket, "ping");
            Assert.Equal(listener.Id, ping.Succeeded().Json.GetProperty("pid").GetInt32());
            (await RemoteRun.RunAsync([], "", new Dictionary<string, string>(), "--api-socket", socket, "shutdown-vmm")).Succeeded();
            await listener.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, listener.ExitCode);
            Assert.True(File.Exists(socket), "the socket is systemd's, not ours to remove");
        }
        finally
        {
            listener.Kill();
        }
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
