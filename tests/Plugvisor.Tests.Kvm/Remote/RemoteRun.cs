using System.Diagnostics;
using System.Text.Json;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Remote;

/// <summary>The published plugvisor-remote, run to its end.</summary>
internal sealed record RemoteRun(int ExitCode, string Output, string Errors)
{
    /// <summary>What it printed, as JSON.</summary>
    public JsonElement Json => JsonElement.Parse(Output);

    /// <summary>The links of the error chain.</summary>
    public string[] Chain => [.. Errors.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 2)..])];

    /// <summary>Runs it.</summary>
    /// <param name="program">The command line before ours: a program that runs it, or nothing.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="environment">Variables to set.</param>
    /// <param name="arguments">Its arguments.</param>
    public static async Task<RemoteRun> RunAsync(string[] program, string input, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        string[] line = [.. program, Repository.Program("plugvisor-remote"), .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token), errors = process.StandardError.ReadToEndAsync(limit.Token);
        var result = new RemoteRun(0, await output, await errors);
        await process.WaitForExitAsync(limit.Token);
        return result with { ExitCode = process.ExitCode };
    }

    /// <summary>Checks that it succeeded without a word.</summary>
    public RemoteRun Succeeded()
    {
        Assert.True(ExitCode == 0 && Errors.Length == 0, $"exit code {ExitCode}\n{Output}\n{Errors}");
        return this;
    }
}
