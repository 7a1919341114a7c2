using System.Diagnostics;
using System.Globalization;

namespace Plugvisor.Bench.Suite.Tools;

/// <summary>Runs programs with a deadline.</summary>
internal static class ChildProcess
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    /// <summary>Runs to the end; standard output.</summary>
    public static string Run(string program, params IEnumerable<string> arguments)
    {
        using Process process = Start(program, arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var watchdog = new Timer(_ => Kill(process), null, Deadline, Timeout.InfiniteTimeSpan);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        // QEMU's isa-debug-exit makes odd codes of its own; what the guest printed decides.
        if (output.Length == 0) throw new InvalidOperationException($"{program} printed nothing: {errors.GetAwaiter().GetResult()}");
        return output;
    }

    /// <summary>Milliseconds from just before exec until a text is on standard output. The rest of the run is waited for, not counted.</summary>
    public static double MillisecondsUntil(string text, string program, params IEnumerable<string> arguments)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = Start(program, arguments);
        _ = process.StandardError.ReadToEndAsync();
        using var watchdog = new Timer(_ => Kill(process), null, Deadline, Timeout.InfiniteTimeSpan);
        string seen = "";
        var buffer = new char[256];
        double found = double.NaN;
        int count;
        while ((count = process.StandardOutput.Read(buffer)) > 0)
        {
            seen += new string(buffer, 0, count);
            if (double.IsNaN(found) && seen.Contains(text, StringComparison.Ordinal)) found = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        process.WaitForExit();
        return double.IsNaN(found) ? throw new InvalidOperationException($"{program} did not print '{text}': {seen}") : found;
    }

    /// <summary>The number after a word in a text: <c>iops 123</c>.</summary>
    public static double NumberAfter(string word, string text)
    {
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int at = Array.IndexOf(words, word);
        return at >= 0 && at + 1 < words.Length ? double.Parse(words[at + 1], CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"no '{word}' in: {text}");
    }

    /// <summary>Starts a program with its output redirected and no input.</summary>
    public static Process Start(string program, IEnumerable<string> arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException($"{program} does not start");
        return process;
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended meanwhile.
        }
    }
}
