using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.Remote;

/// <summary>plugvisor-remote, run to its end.</summary>
internal sealed record RemoteProcess(int ExitCode, string Output, string Errors)
{
    /// <summary>The program as it was built beside the tests.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "plugvisor-remote");

    /// <summary>Runs it.</summary>
    public static Task<RemoteProcess> RunAsync(params string[] arguments) => RunAsync(null, Program, arguments);

    /// <summary>Runs it with something on standard input.</summary>
    public static Task<RemoteProcess> RunWithInputAsync(string input, params string[] arguments) => RunAsync(input, Program, arguments);

    /// <summary>Runs it by a shell that opens descriptors for it: <c>7&lt;file</c>.</summary>
    public static Task<RemoteProcess> RunWithDescriptorsAsync(string redirections, params string[] arguments) =>
        RunAsync(null, "bash", ["-c", $"exec \"$@\" {redirections}", "bash", Program, .. arguments]);

    private static async Task<RemoteProcess> RunAsync(string? input, string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        if (input is not null) await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token), errors = process.StandardError.ReadToEndAsync(limit.Token);
        var result = new RemoteProcess(0, await output, await errors);
        await process.WaitForExitAsync(limit.Token);
        return result with { ExitCode = process.ExitCode };
    }

    /// <summary>The output of a run that has to succeed without a word on standard error.</summary>
    public string Succeeded()
    {
        Assert.Equal((0, ""), (ExitCode, Errors));
        return Output;
    }
}
