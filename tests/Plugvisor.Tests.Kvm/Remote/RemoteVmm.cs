using System.Diagnostics;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Unit.DBus;

namespace Plugvisor.Tests.Kvm.Remote;

/// <summary>The published plugvisor with a REST socket and a bus of its own, and plugvisor-remote that asks it by one of the two.</summary>
internal sealed class RemoteVmm : IDisposable
{
    private const string Name = "org.plugvisor.Remote", ObjectPath = "/org/plugvisor/Remote";

    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-remote").FullName;
    private readonly PrivateBus _bus = new();
    private readonly bool _overDBus;

    private RemoteVmm(bool overDBus, string[] options)
    {
        _overDBus = overDBus;
        Process = VmmProcess.StartBy(["env", $"DBUS_SESSION_BUS_ADDRESS={_bus.Address}"],
            ["-v", "--api-socket", Socket, "--dbus-service-name", Name, "--dbus-object-path", ObjectPath, .. options]);
    }

    public VmmProcess Process { get; }

    public string Socket => Path.Combine(_directory, "api.sock");

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<RemoteVmm> StartAsync(bool overDBus, params string[] options)
    {
        var vmm = new RemoteVmm(overDBus, options);
        try
        {
            await vmm.Process.WaitForAsync("D-Bus API: ");   // the socket is open before
            return vmm;
        }
        catch
        {
            vmm.Dispose();
            throw;
        }
    }

    /// <summary>A file in the directory that goes with it.</summary>
    public string Write(string name, string content)
    {
        string path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>A VmConfig for one of our guests.</summary>
    public static string ConfigOf(string guest, string options = "", string more = "") =>
        $$"""
        {"payload":{"kernel":"{{GuestImages.Of(guest)}}","cmdline":"{{options}}"},"memory":{"size":268435456},"serial":{"mode":"Tty"},"console":{"mode":"Null"}{{more}}}
        """;

    /// <summary>Runs a command.</summary>
    public Task<RemoteRun> RunAsync(params string[] command) => RunAsync([], "", command);

    /// <summary>Runs a command with something on standard input.</summary>
    public Task<RemoteRun> RunWithInputAsync(string input, params string[] command) => RunAsync([], input, command);

    /// <summary>Runs a command by another program, which runs the command line behind it in its own place.</summary>
    public Task<RemoteRun> RunByAsync(string[] program, params string[] command) => RunAsync(program, "", command);

    /// <summary>Runs a command that has to succeed; what it printed.</summary>
    public async Task<string> DoAsync(params string[] command) => (await RunAsync(command)).Succeeded().Output;

    /// <summary>The VM's state.</summary>
    public async Task<string> StateAsync() => (await RunAsync("info")).Succeeded().Json.GetProperty("state").GetString()!;

    /// <summary>Starts a command that goes on.</summary>
    public Process Start(params string[] command) => System.Diagnostics.Process.Start(
        new ProcessStartInfo(Repository.Program("plugvisor-remote"), ["--api-socket", Socket, .. command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    public void Dispose()
    {
        Process.Dispose();
        _bus.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private Task<RemoteRun> RunAsync(string[] program, string input, string[] command)
    {
        string[] where = _overDBus ? ["--dbus-service-name", Name, "--dbus-object-path", ObjectPath] : ["--api-socket", Socket];
        return RemoteRun.RunAsync(program, input, new Dictionary<string, string> { ["DBUS_SESSION_BUS_ADDRESS"] = _bus.Address }, [.. where, .. command]);
    }
}
