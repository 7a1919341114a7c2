using Xunit;

namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>
/// The machine that runs plugvisor with Linux guests: this one, where its /dev/kvm can, else the test host (eng/testhost). Which of
/// the two, eng/kvm-probe or PLUGVISOR_LINUX_HOST says.
/// </summary>
internal static class LinuxHost
{
    // What eng/testhost/run says when its emulated machine hung or failed; a command's own time limits are far below.
    private const int TimedOut = 124, HostFailed = 125;

    private static readonly Lazy<Task<bool>> Direct = new(DecideAsync);

    /// <summary>
    /// Runs a bash script there, with RESULTS naming the folder <paramref name="results"/> as seen from there. An emulated machine
    /// that hangs (its emulator has a known defect) is started once more, and that is said.
    /// </summary>
    /// <param name="script">Text of the script; it has to bound its own waits.</param>
    /// <param name="results">Folder on this machine for files that go in and come out.</param>
    /// <param name="limit">Limit for the whole run.</param>
    public static async Task RunAsync(string script, string results, TimeSpan limit)
    {
        await File.WriteAllTextAsync(Path.Combine(results, "script"), script);
        if (await Direct.Value)
        {
            Command.Result direct = await Command.RunAsync(limit, "env", $"RESULTS={results}", "bash", Path.Combine(results, "script"));
            Assert.True(direct.Status == 0, $"the script failed: {direct}");
            return;
        }
        for (int attempt = 1; ; attempt++)
        {
            Command.Result run = await Command.RunAsync(
                limit + TimeSpan.FromSeconds(120), Repository.Engineering("testhost/run"), "-t", $"{limit.TotalSeconds}", "-r", results,
                "-k", Path.Combine(results, "testhost.log"), "--", "env", "RESULTS=/results", "bash", "/results/script");
            if (run.Status == 0) return;
            if (run.Status is not (TimedOut or HostFailed) || attempt == 2) Assert.Fail($"the run in the test host failed: {run}");
            TestContext.Current.SendDiagnosticMessage("The test host gave no result (status {0}); running it once more.", run.Status);
            await Console.Out.WriteLineAsync($"The test host gave no result (status {run.Status}); running it once more. {run.Errors}");
        }
    }

    private static async Task<bool> DecideAsync()
    {
        await Command.MustAsync(Repository.Engineering("guest/build"));
        string answer = await Command.MustAsync(Repository.Engineering("kvm-probe"));
        return answer.StartsWith("direct", StringComparison.Ordinal);
    }
}
