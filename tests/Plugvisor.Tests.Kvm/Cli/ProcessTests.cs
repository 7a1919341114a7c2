using System.Diagnostics;
using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Cli;

/// <summary>The process around the VM: signals, terminal, log, version.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-process").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_shuts_the_vm_down_and_ends_with_0(string signal)
    {
        string socket = Path.Combine(_directory, "debug.sock");
        using VmmProcess vmm = VmmProcess.Boot("console", "", "--console", "null", "--debug-console", $"socket={socket}");
        await vmm.WaitForAsync("console ready");
        Assert.True(File.Exists(socket));

        vmm.Signal(signal);

        Assert.Equal(0, await vmm.WaitForExitAsync(TimeSpan.FromSeconds(10)));
        Assert.False(File.Exists(socket));
    }

    [Fact]
    public async Task A_signal_ends_the_wait_for_a_daemon_that_does_not_come()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--memory", "size=256M,shared=on", "--fs", $"tag=a,socket={Path.Combine(_directory, "nobody")}");
        await vmm.WaitForAsync("waiting up to 60 s");
        var clock = Stopwatch.StartNew();
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
    }

    [Theory]
    [InlineData("hello", "")]
    [InlineData("console", "TERM")]
    public async Task The_terminal_is_as_before_on_every_way_out(string guest, string signal)
    {
        // script(1) gives the shell a terminal; the shell compares its settings before and after.
        string kill = signal.Length == 0 ? "" : $"(while ! grep -q ready out; do read -t 0.1 <> <(:); done; kill -{signal} $(cat pid)) & ";
        string command =
            $"cd {_directory}; stty -a > before; {kill}sh -c 'echo $$ > pid; exec {Repository.Plugvisor} --kernel {GuestImages.Of(guest)} " +
            "--memory size=256M --serial tty --console null' | tee out; stty -a > after; cmp before after && echo SAME";
        using Process script = Process.Start(new ProcessStartInfo("script", ["-qec", $"bash -c \"{command.Replace("$", "\\$")}\"", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        string output = await script.StandardOutput.ReadToEndAsync(limit.Token);
        await script.WaitForExitAsync(limit.Token);

        Assert.Contains(guest, output);
        Assert.Contains("SAME", output);
    }

    [Fact]
    public async Task The_log_goes_to_a_file_in_the_format_that_is_asked_for()
    {
        string log = Path.Combine(_directory, "log");
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "-v", "--log-file", log, "--log-format", "{level}|{location}|{msg}");
        await vmm.FinishAsync();

        Assert.Contains("INFO|Vmm|the guest powered off\r\n", await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken));
        Assert.Equal("", vmm.Log);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(log));
    }

    [Fact]
    public async Task The_default_log_line_is_cloud_hypervisors()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "-v");
        await vmm.FinishAsync();

        Assert.Matches(@"cloud-hypervisor: +\d+\.\d{6}s: <[^>]+> INFO:Vmm -- the guest powered off\r\n", vmm.Log);
    }

    [Fact]
    public async Task The_version_starts_with_the_interface_and_names_the_product()
    {
        using VmmProcess vmm = VmmProcess.Start("--version");
        await vmm.FinishAsync();

        string[] lines = vmm.Serial.Split('\n');
        Assert.Matches(@"^cloud-hypervisor v\d+\.\d+\.\d+$", lines[0]);
        Assert.StartsWith("Plugvisor ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_shows_the_options_that_plugins_declare()
    {
        using VmmProcess vmm = VmmProcess.Start("--help");
        await vmm.FinishAsync();

        foreach (string text in new[] { "--disk <key=value,...>", "queue_size=", "--rng <key=value,...>", "--console", "Examples:" })
            Assert.Contains(text, vmm.Serial);
        Assert.Matches(@"--watchdog  +\S[^\n]*\n  +--pvpanic  +\S", vmm.Serial);   // flags have no keys
    }

    [Theory]
    [InlineData("bash", "-n")]
    [InlineData("zsh", null)]
    [InlineData("fish", null)]
    public async Task Completions_know_the_options_of_plugins(string shell, string? check)
    {
        using VmmProcess vmm = VmmProcess.Start("completions", shell);
        await vmm.FinishAsync();
        Assert.Contains("disk", vmm.Serial);
        Assert.Contains("readonly=", vmm.Serial);
        if (check is null) return;

        string script = Path.Combine(_directory, "completions");
        await File.WriteAllTextAsync(script, vmm.Serial + "COMP_WORDS=(plugvisor --disk path=x,reado); COMP_CWORD=2; _plugvisor; echo \"${COMPREPLY[@]}\"\n",
            TestContext.Current.CancellationToken);
        using Process bash = Process.Start(new ProcessStartInfo("bash", [script]) { RedirectStandardOutput = true })!;
        Assert.Equal("path=x,readonly=\n", await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("pty", "serial port: ")]
    [InlineData("socket", null)]
    [InlineData("file", null)]
    public async Task The_serial_port_reaches_what_it_is_connected_to(string mode, string? announced)
    {
        string path = Path.Combine(_directory, "serial");
        string value = mode == "pty" ? mode : $"{mode}={path}";
        using VmmProcess vmm = VmmProcess.Start(
            "-v", "--kernel", GuestImages.Of("console"), "--memory", "size=256M", "--console", "null", "--serial", value);
        if (announced is not null)
        {
            string line = await vmm.WaitForAsync(announced);
            path = line[(line.IndexOf(announced, StringComparison.Ordinal) + announced.Length)..];
        }

        await vmm.WaitForAsync("entering the guest");
        Assert.Contains("console ready", await ReadAsync(mode, path));
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Fact]
    public async Task Two_consoles_share_the_terminal()
    {
        // The console device is on the terminal unless it is told otherwise.
        using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("hello"), "--memory", "size=256M", "--serial", "tty");

        Assert.Equal("hello", (await vmm.FinishAsync()).Trim());
    }

    private static async Task<string> ReadAsync(string mode, string path)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        Stream stream;
        if (mode == "socket")
        {
            var socket = new System.Net.Sockets.Socket(
                System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
            await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(path), limit.Token);
            stream = new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
        }
        else
        {
            // tail follows a growing file and reads a terminal alike.
            Process tail = Process.Start(new ProcessStartInfo(mode == "file" ? "tail" : "cat", mode == "file" ? ["-f", "-n", "+1", path] : [path])
            {
                RedirectStandardOutput = true,
            })!;
            limit.Token.Register(() => tail.Kill());
            stream = tail.StandardOutput.BaseStream;
        }

        await using (stream)
        {
            var text = new System.Text.StringBuilder();
            byte[] buffer = new byte[256];
            while (!text.ToString().Contains("ready", StringComparison.Ordinal))
            {
                int count = await stream.ReadAsync(buffer, limit.Token);
                if (count == 0) break;
                text.Append(System.Text.Encoding.ASCII.GetString(buffer, 0, count));
            }

            await limit.CancelAsync();
            return text.ToString();
        }
    }
}
