using System.Diagnostics;
using System.Text;
using Xunit;

namespace Plugvisor.Tests.Kvm.Guests;

/// <summary>
/// The published executable as a child process. What it prints (the guest's serial line goes to standard output) is collected as
/// it comes; every wait has a deadline and fails with all that was printed. Disposing kills the process if it still runs.
/// </summary>
internal sealed class VmmProcess : IDisposable
{
    private static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Task _pumps;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private VmmProcess(string program, IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException("plugvisor does not start");
        _pumps = Task.WhenAll(PumpAsync(_process.StandardOutput, _output), PumpAsync(_process.StandardError, _errors));
    }

    /// <summary>Process id, for signals from outside.</summary>
    public int Id => _process.Id;

    /// <summary>The guest's serial line so far.</summary>
    public string Serial => Read(_output);

    /// <summary>Standard error so far: the log.</summary>
    public string Log => Read(_errors);

    /// <summary>Starts plugvisor with these arguments and nothing else.</summary>
    public static VmmProcess Start(params IEnumerable<string> arguments) => new(Repository.Plugvisor, arguments);

    /// <summary>As <see cref="Start"/>, by a command that runs the command line behind it in its own place (as <c>env</c> does).</summary>
    public static VmmProcess StartBy(string[] command, params IEnumerable<string> arguments) =>
        new(command[0], [.. command[1..], Repository.Plugvisor, .. arguments]);

    /// <summary>Starts a guest of tests/guests with its options, 256 MiB and the serial line on standard output.</summary>
    public static VmmProcess Boot(string guest, string options, params string[] arguments) =>
        new(Repository.Plugvisor, ArgumentsOf(guest, options, arguments));

    /// <summary>As <see cref="Boot"/>, by a command that runs the command line behind it in its own place (as <c>unshare</c> does).</summary>
    public static VmmProcess BootBy(string[] command, string guest, string options, params string[] arguments) =>
        new(command[0], [.. command[1..], Repository.Plugvisor, .. ArgumentsOf(guest, options, arguments)]);

    /// <summary>Waits until the serial line or the log has this text; the line that has it.</summary>
    public async Task<string> WaitForAsync(string text, TimeSpan? deadline = null)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan limit = deadline ?? DefaultDeadline;
        while (true)
        {
            Task changed = Changed();
            bool ended = _pumps.IsCompleted;
            string? line = LineWith(Serial, text) ?? LineWith(Log, text);
            if (line is not null) return line;
            if (ended) Assert.Fail($"plugvisor ended without '{text}'.{Everything()}");
            TimeSpan left = limit - clock.Elapsed;
            if (left <= TimeSpan.Zero) Assert.Fail($"no '{text}' within {limit.TotalSeconds} s.{Everything()}");
            await Task.WhenAny(changed, _pumps, Task.Delay(left));
        }
    }

    /// <summary>Waits for the end of the process and of its output; its exit code.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan? deadline = null)
    {
        TimeSpan limit = deadline ?? DefaultDeadline;
        using var cancel = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(cancel.Token);
            await _pumps.WaitAsync(cancel.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"plugvisor did not end within {limit.TotalSeconds} s.{Everything()}");
        }
        return _process.ExitCode;
    }

    /// <summary>Waits for the end, which has to be clean; the whole serial output.</summary>
    public async Task<string> FinishAsync(TimeSpan? deadline = null)
    {
        int code = await WaitForExitAsync(deadline);
        Assert.True(code == 0, $"plugvisor ended with {code}.{Everything()}");
        return Serial;
    }

    /// <summary>Types on the guest's serial line or console.</summary>
    public async Task TypeAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Processor time that threads of these names have used so far, those that have ended not counted.</summary>
    public TimeSpan ProcessorTime(Func<string, bool> thread)
    {
        long nanoseconds = 0;
        foreach (string task in Directory.GetDirectories($"/proc/{Id}/task"))
        {
            try
            {
                if (thread(File.ReadAllText($"{task}/comm"))) nanoseconds += long.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0]);
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }
        return TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);
    }

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Any other signal, by its name (TERM, INT, STOP, CONT).</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, Id.ToString()]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>All output, for the message of a failure.</summary>
    public string Everything() => $"\n--- serial\n{Serial}\n--- log\n{Log}";

    private static List<string> ArgumentsOf(string guest, string options, string[] arguments)
    {
        List<string> all = ["--kernel", GuestImages.Of(guest), "--serial", "tty"];
        if (!arguments.Contains("--console")) all.AddRange(["--console", "off"]);
        if (options.Length > 0) all.AddRange(["--cmdline", options]);
        if (!arguments.Contains("--api-socket")) all.AddRange(["--api-socket", "none"]);
        if (!arguments.Contains("--memory")) all.AddRange(["--memory", "size=256M"]);
        all.AddRange(arguments);
        return all;
    }

    private static string? LineWith(string all, string text)
    {
        int at = all.IndexOf(text, StringComparison.Ordinal);
        if (at < 0) return null;
        int start = all.LastIndexOf('\n', at) + 1, end = all.IndexOf('\n', at);
        return (end < 0 ? all[start..] : all[start..end]).TrimEnd('\r');
    }

    private static string Read(StringBuilder from)
    {
        lock (from) return from.ToString();
    }

    private Task Changed()
    {
        lock (_output) return _changed.Task;
    }

    private async Task PumpAsync(StreamReader from, StringBuilder to)
    {
        char[] buffer = new char[4096];
        int count;
        while ((count = await from.ReadAsync(buffer)) > 0)
        {
            lock (to) to.Append(buffer, 0, count);
            TaskCompletionSource changed;
            lock (_output) (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
            changed.SetResult();
        }
    }
}
