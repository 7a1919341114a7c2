using System.Net.Sockets;
using Plugvisor.Tests.Kvm.Guests;
using Plugvisor.Tests.Unit.Rest;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary><c>--api-socket</c>: who may have a socket, what becomes of it, what is said when it cannot be had.</summary>
public sealed class ApiSocketTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-socket").FullName;

    private string SocketPath => Path.Combine(_directory, "api.sock");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Two_cannot_have_the_same()
    {
        using VmmProcess first = VmmProcess.Start("--api-socket", SocketPath);
        await RestVmm.WaitForSocketAsync(SocketPath, first);

        using VmmProcess second = VmmProcess.Start("--api-socket", $"path={SocketPath}", "--kernel", GuestImages.Of("hello"));

        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Equal($"Error: Cloud Hypervisor exited with the following error:\n  API socket {SocketPath} is already in use by another running instance\n",
            second.Log.Replace("\r", ""));
        using var client = new RawClient(SocketPath);
        await client.SendAsync(RestVmm.Request("GET", "vmm.ping"));
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task It_is_gone_after_a_signal(string signal)
    {
        using VmmProcess vmm = VmmProcess.Start("--api-socket", SocketPath);
        // Who answers handles signals by then.
        await RestVmm.WaitForSocketAsync(SocketPath, vmm);
        using (var client = new RawClient(SocketPath))
        {
            await client.SendAsync(RestVmm.Request("GET", "vmm.ping"));
            await client.ReadAsync();
        }

        vmm.Signal(signal);

        Assert.Equal(0, await vmm.WaitForExitAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task It_is_gone_after_the_guest()
    {
        using VmmProcess vmm = VmmProcess.Boot("hello", "", "--api-socket", SocketPath);

        await vmm.FinishAsync();

        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task It_is_gone_after_a_start_that_fails()
    {
        using VmmProcess vmm = VmmProcess.Start("--kernel", "/nowhere/vmlinux", "--api-socket", SocketPath);

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task What_a_killed_one_left_is_replaced()
    {
        using (VmmProcess killed = VmmProcess.Start("--api-socket", SocketPath))
        {
            await RestVmm.WaitForSocketAsync(SocketPath, killed);
            killed.Kill();
            await killed.WaitForExitAsync();
        }

        Assert.True(File.Exists(SocketPath));
        using VmmProcess vmm = VmmProcess.Start("--api-socket", SocketPath);
        await RestVmm.WaitForSocketAsync(SocketPath, vmm);
    }

    [Fact]
    public async Task A_file_is_not_replaced()
    {
        await File.WriteAllTextAsync(SocketPath, "precious", TestContext.Current.CancellationToken);

        using VmmProcess vmm = VmmProcess.Start("--api-socket", SocketPath);

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.Contains("no socket; it is not replaced", vmm.Log);
        Assert.Equal("precious", await File.ReadAllTextAsync(SocketPath, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("LONG", "a socket's path has at most 107 bytes")]
    [InlineData("/nowhere/api.sock", "No such file or directory")]
    [InlineData("path=", "the path is empty")]
    [InlineData("fd=x", "'x' is no file descriptor")]
    [InlineData("fd=-1", "'-1' is no file descriptor")]
    [InlineData("fd=77", "Bad file descriptor")]
    [InlineData("fd=2", "no Unix stream socket")]
    public async Task What_cannot_be_had_is_said(string value, string message)
    {
        if (value == "LONG") value = Path.Combine(_directory, new string('s', 108));

        using VmmProcess vmm = VmmProcess.Start("--kernel", GuestImages.Of("hello"), "--api-socket", value);

        Assert.Equal(1, await vmm.WaitForExitAsync());
        Assert.True(vmm.Log.Contains(message, StringComparison.Ordinal), vmm.Everything());
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task An_inherited_socket_answers_and_stays()
    {
        // As systemd does it: the socket is there before the process, which has it as descriptor 3.
        using VmmProcess vmm = VmmProcess.StartBy(
            ["systemd-socket-activate", "-l", SocketPath], "--api-socket", "fd=3");
        await RestVmm.WaitForSocketAsync(SocketPath, vmm);
        using var client = new RawClient(SocketPath);

        await client.SendAsync(RestVmm.Request("GET", "vmm.ping"));
        Assert.Equal(200, (await client.ReadAsync()).Status);
        await client.SendAsync(RestVmm.Request("PUT", "vmm.shutdown"));
        Assert.Equal(200, (await client.ReadAsync()).Status);

        Assert.Equal(0, await vmm.WaitForExitAsync());
        Assert.True(File.Exists(SocketPath), "the socket belongs to who made it");
    }

    [Fact]
    public async Task Without_the_option_it_is_in_the_users_directory()
    {
        using VmmProcess vmm = VmmProcess.StartBy(
            PrivilegedHost.InOwnMounts("mount -t tmpfs none /run; mkdir -m 700 -p /run/user/$(id -u)"), "-v", "--log-format", "{msg}");

        string line = await vmm.WaitForAsync("REST API: ");

        string path = line["REST API: ".Length..].Trim();
        Assert.Equal($"cloud-hypervisor.{vmm.Id}", Path.GetFileName(path));
        Assert.Matches(@"^/run/user/\d+/", path);
        // It is in mounts of its own; its root directory leads there.
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint($"/proc/{vmm.Id}/root{path}"), TestContext.Current.CancellationToken);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"/proc/{vmm.Id}/root{path}"));
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Theory]
    [InlineData("true", "does not exist")]
    [InlineData("mkdir -m 755 -p /run/user/$(id -u)", "is open to others")]
    public async Task Where_that_directory_cannot_be_used_the_log_says_so_and_the_guest_runs(string make, string why)
    {
        using VmmProcess vmm = VmmProcess.StartBy(
            PrivilegedHost.InOwnMounts($"mount -t tmpfs none /run; {make}"),
            "--kernel", GuestImages.Of("console"), "--cmdline", "secs=60", "--memory", "size=64M", "--serial", "tty", "--console", "null");

        await vmm.WaitForAsync("console ready");
        Assert.Contains(why, await vmm.WaitForAsync("there is no REST API"));
        vmm.Signal("TERM");
        Assert.Equal(0, await vmm.WaitForExitAsync());
    }

    [Fact]
    public async Task Without_guest_and_api_there_is_nothing_to_do()
    {
        using VmmProcess vmm = VmmProcess.StartBy(PrivilegedHost.InOwnMounts("mount -t tmpfs none /run"), "--cpus", "boot=1");

        Assert.Equal(2, await vmm.WaitForExitAsync());
        Assert.Contains("there is nothing to boot", vmm.Log);
    }
}
