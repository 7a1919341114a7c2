using System.Diagnostics;
using Xunit;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>A real dbus-daemon with a socket of its own, which nothing else on this machine uses; and the stock clients on it.</summary>
internal sealed class PrivateBus : IDisposable
{
    // timeout(1) ends what a broken test, or one that is killed, leaves behind.
    private const string DaemonLimit = "120", ClientLimit = "30";

    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-bus").FullName;
    private Process? _daemon;
    private string _daemonId = "";

    public PrivateBus() => Start();

    /// <summary>Its address, the same after a restart.</summary>
    public string Address => $"unix:path={_directory}/bus";

    /// <summary>What tells a program where the session bus is.</summary>
    public Func<string, string?> Environment => name => name == "DBUS_SESSION_BUS_ADDRESS" ? Address : null;

    /// <summary>Starts the daemon; it listens when this returns.</summary>
    public void Start()
    {
        string config = Path.Combine(_directory, "config");
        File.WriteAllText(config,
            $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>session</type>
              <listen>{Address}</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow send_destination="*" eavesdrop="true"/>
                <allow eavesdrop="true"/>
                <allow own="*"/>
                <deny own="org.plugvisor.Forbidden"/>
              </policy>
              <limit name="max_replies_per_connection">1000</limit>
            </busconfig>
            """);
        _daemon = Process.Start(new ProcessStartInfo(
            "timeout", [DaemonLimit, "dbus-daemon", $"--config-file={config}", "--nofork", "--print-address=1", "--print-pid=1"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _daemon.ErrorDataReceived += (_, _) => { };
        _daemon.BeginErrorReadLine();
        Assert.StartsWith("unix:path=", _daemon.StandardOutput.ReadLine());
        _daemonId = _daemon.StandardOutput.ReadLine()!;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        if (_daemon is null) return;
        Signal("KILL");
        _daemon.WaitForExit();
        _daemon.Dispose();
        _daemon = null;
        File.Delete(Path.Combine(_directory, "bus"));
    }

    /// <summary>Any signal to the daemon, by its name (STOP, CONT).</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, _daemonId]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Runs a client to its end.</summary>
    /// <returns>Its exit code and all that it printed.</returns>
    public async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        using Process client = StartClient(program, arguments);
        Task<string> output = client.StandardOutput.ReadToEndAsync(), errors = client.StandardError.ReadToEndAsync();
        await client.WaitForExitAsync();
        return (client.ExitCode, await output + await errors);
    }

    /// <summary>Starts a client that goes on.</summary>
    public Process StartClient(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("timeout", [ClientLimit, program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DBUS_SESSION_BUS_ADDRESS"] = Address;
        start.Environment["LC_ALL"] = "C.UTF-8";
        return Process.Start(start)!;
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_directory, recursive: true);
    }
}
