using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Sockets;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Sockets;

/// <summary>A socket file belongs to one owner, is replaced when that one is dead, and never taken from anything else.</summary>
public sealed class SocketFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-socket").FullName;

    private string Socket => Path.Combine(_directory, "api.sock");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void It_is_the_owners_only_and_gone_at_the_end()
    {
        using (SocketFile file = SocketFile.TryListen(Socket)!)
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket + ".lock"));
            using UnixStream client = UnixStream.Connect(Socket);
            Assert.Equal(0, file.Listener.TryAccept(out UnixStream? accepted));
            accepted!.Dispose();
            Assert.Equal(UnixListener.NobodyWaits, file.Listener.TryAccept(out _));
        }

        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public void A_second_owner_is_refused_and_changes_nothing()
    {
        using SocketFile first = SocketFile.TryListen(Socket)!;

        Assert.Null(SocketFile.TryListen(Socket));

        using UnixStream client = UnixStream.Connect(Socket);
        Assert.Equal(0, first.Listener.TryAccept(out UnixStream? accepted));
        accepted!.Dispose();
    }

    [Fact]
    public void A_socket_that_a_dead_owner_left_is_replaced()
    {
        UnixListener.Bind(Socket).Dispose();
        File.WriteAllBytes(Socket + ".lock", []);

        using SocketFile file = SocketFile.TryListen(Socket)!;

        using UnixStream client = UnixStream.Connect(Socket);
        Assert.Equal(0, file.Listener.TryAccept(out UnixStream? accepted));
        accepted!.Dispose();
    }

    [Fact]
    public void A_socket_that_somebody_without_the_lock_serves_is_not_taken_away()
    {
        using UnixListener other = UnixListener.Bind(Socket);

        var error = Assert.Throws<LinuxException>(() => SocketFile.TryListen(Socket));

        Assert.Contains("where another process listens", error.Message, StringComparison.Ordinal);
        Assert.Equal([Socket], Directory.GetFileSystemEntries(_directory));
        using UnixStream client = UnixStream.Connect(Socket);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_no_socket_is_not_replaced(bool isDirectory)
    {
        if (isDirectory) Directory.CreateDirectory(Socket);
        else File.WriteAllText(Socket, "precious");

        var error = Assert.Throws<LinuxException>(() => SocketFile.TryListen(Socket));

        Assert.Contains("no socket; it is not replaced", error.Message);
        Assert.True(isDirectory ? Directory.Exists(Socket) : File.ReadAllText(Socket) == "precious");
        Assert.False(File.Exists(Socket + ".lock"));
    }

    [Fact]
    public void A_link_to_a_socket_is_no_socket()
    {
        string target = Path.Combine(_directory, "other.sock");
        using UnixListener other = UnixListener.Bind(target);
        File.CreateSymbolicLink(Socket, target);

        Assert.Throws<LinuxException>(() => SocketFile.TryListen(Socket));

        Assert.True(File.Exists(target));
    }

    [Fact]
    public void A_socket_that_somebody_else_put_there_meanwhile_stays()
    {
        SocketFile file = SocketFile.TryListen(Socket)!;
        File.Delete(Socket);
        using UnixListener other = UnixListener.Bind(Socket);

        file.Dispose();

        Assert.True(File.Exists(Socket));
        Assert.False(File.Exists(Socket + ".lock"));
    }

    [Theory]
    [InlineData(107, true)]
    [InlineData(108, false)]
    public void A_path_has_107_bytes(int length, bool fits)
    {
        string path = Path.Combine(_directory, new string('s', length - _directory.Length - 1));

        if (fits)
        {
            SocketFile.TryListen(path)!.Dispose();
            return;
        }

        var error = Assert.Throws<LinuxException>(() => SocketFile.TryListen(path));
        Assert.Contains("a socket's path has at most 107 bytes, this one has 108", error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0abstract")]
    public void An_abstract_name_is_no_path(string path) => Assert.Throws<LinuxException>(() => SocketFile.TryListen(path));

    [Fact]
    public void A_directory_that_is_not_there_is_an_error() =>
        Assert.Contains("No such file or directory", Assert.Throws<LinuxException>(() => SocketFile.TryListen("/nonexistent/api.sock")).Message);

    [Fact]
    public void Only_a_listening_unix_socket_is_adopted()
    {
        using var listener = UnixListener.Bind(Socket);
        using UnixStream client = UnixStream.Connect(Socket);
        using FileStream file = File.Create(Path.Combine(_directory, "file"));

        Assert.Contains("does not listen", Assert.Throws<LinuxException>(() => UnixListener.Adopt(client.Descriptor)).Message);
        Assert.Contains("no Unix stream socket",
            Assert.Throws<LinuxException>(() => UnixListener.Adopt((int)file.SafeFileHandle.DangerousGetHandle())).Message);
        Assert.Contains("Bad file descriptor", Assert.Throws<LinuxException>(() => UnixListener.Adopt(1_000_000)).Message);
    }
}
