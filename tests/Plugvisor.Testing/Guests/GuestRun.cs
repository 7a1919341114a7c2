using System.Diagnostics;

namespace Plugvisor.Testing.Guests;

/// <summary>A freestanding guest that ran on plugvisor from its start to its power off: what it printed, and how it ended.</summary>
/// <param name="ExitCode">The exit code of plugvisor; 0 when the guest powered off.</param>
/// <param name="Serial">What the guest printed on its serial line.</param>
/// <param name="Log">The log of plugvisor.</param>
public sealed record GuestRun(int ExitCode, string Serial, string Log)
{
    /// <summary>Runs a guest with the serial line on standard output and no API socket. Needs /dev/kvm.</summary>
    /// <param name="plugvisor">The executable.</param>
    /// <param name="kernel">The guest.</param>
    /// <param name="arguments">Further options: <c>--plugin-dir</c>, devices, <c>--cmdline</c>.</param>
    /// <param name="deadline">After which plugvisor is killed; null for a minute.</param>
    /// <exception cref="TimeoutException">The guest did not power off in time; the message has all that was printed.</exception>
    public static async Task<GuestRun> StartAsync(string plugvisor, string kernel, IReadOnlyList<string> arguments, TimeSpan? deadline = null)
    {
        string[] all = ["--kernel", kernel, "--serial", "tty", "--memory", "size=256M", "--api-socket", "none", .. arguments];
        using Process process = Process.Start(new ProcessStartInfo(plugvisor, all) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })
            ?? throw new InvalidOperationException($"{plugvisor} does not start");
        process.StandardInput.Close();
        Task<string> serial = process.StandardOutput.ReadToEndAsync(), log = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(deadline ?? TimeSpan.FromMinutes(1));
        bool ended = true;
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            ended = false;
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        var run = new GuestRun(process.ExitCode, await serial, await log);
        return ended ? run : throw new TimeoutException($"the guest did not power off in time{run.Everything}");
    }

    /// <summary>All that was printed, for the message of a failure.</summary>
    public string Everything => $"\n--- serial\n{Serial}\n--- log\n{Log}";
}
