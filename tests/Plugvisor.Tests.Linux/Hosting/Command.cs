using System.Diagnostics;

namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>Runs a program of this machine to its end and keeps what it printed.</summary>
internal static class Command
{
    /// <summary>How a program ended.</summary>
    /// <param name="Status">Its exit code.</param>
    /// <param name="Output">Its standard output.</param>
    /// <param name="Errors">Its standard error.</param>
    public sealed record Result(int Status, string Output, string Errors)
    {
        public override string ToString() => $"status {Status}\n{Output}\n{Errors}";
    }

    /// <summary>Runs it; kills it and fails when it is not done within the limit.</summary>
    public static async Task<Result> RunAsync(TimeSpan limit, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // mkfs, debugfs and e2fsck are where only root's PATH looks.
        start.Environment["PATH"] += ":/usr/sbin:/sbin";
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var cancel = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(cancel.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} was not done within {limit.TotalSeconds} s: {await output}{await errors}");
        }
        return new Result(process.ExitCode, await output, await errors);
    }

    /// <summary>Runs it and fails unless it ends with 0; its standard output.</summary>
    public static async Task<string> MustAsync(string program, params IEnumerable<string> arguments)
    {
        Result result = await RunAsync(TimeSpan.FromSeconds(60), program, arguments);
        return result.Status == 0
            ? result.Output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {result}");
    }
}
