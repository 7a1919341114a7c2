using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Consoles;

/// <summary>
/// A listening unix stream socket. One client at a time: while one is there, the next waits in the backlog. What the guest says
/// while nobody is there is kept, up to the bound, for the next client.
/// </summary>
public sealed unsafe partial class SocketBackend : StreamBackend
{
    private const int AF_UNIX = 1, SOCK_STREAM = 1, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    private const int ENAMETOOLONG = 36;
    private const int Backlog = 4;

    private readonly string _path;
    private int _listener = -1, _client = -1;
    private bool _bound;

    /// <summary>Listens. A socket file that is there already is an error: who made it may still use it.</summary>
    /// <exception cref="LinuxException">The path is too long, exists, or cannot be made.</exception>
    public SocketBackend(string path)
    {
        _path = path;
        var address = new UnixAddress { Family = AF_UNIX };
        if (Encoding.UTF8.GetByteCount(path) >= UnixAddress.PathSize)
            throw new LinuxException($"listen on console socket {path}", ENAMETOOLONG);
        Encoding.UTF8.GetBytes(path, new Span<byte>(address.Path, UnixAddress.PathSize));

        _listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        _bound = _listener >= 0 && bind(_listener, &address, sizeof(UnixAddress)) == 0;
        if (!_bound || listen(_listener, Backlog) != 0)
        {
            int errno = Marshal.GetLastSystemError();
            Dispose();
            throw new LinuxException($"listen on console socket {path}", errno);
        }

        WatchOwn(_listener);
    }

    private protected override bool KeepsWhenDisconnected => true;

    private protected override int LingerMilliseconds => 500;

    private protected override void OnOwnEvent() => Accept();

    private protected override void OnInputGone()
    {
        Disconnect();
        CloseClient();
        Accept();   // the event of one who waits in the backlog is over already
    }

    private protected override void CloseDescriptors()
    {
        CloseClient();
        if (_listener >= 0) ConsoleIo.Close(_listener);
        if (_bound) File.Delete(_path);
        _listener = -1;
        _bound = false;
    }

    private void Accept()
    {
        if (_client >= 0) return;
        _client = accept4(_listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (_client >= 0) Connect(_client, _client);
    }

    private void CloseClient()
    {
        if (_client >= 0) ConsoleIo.Close(_client);
        _client = -1;
    }

    [LibraryImport("libc")]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc")]
    private static partial int bind(int fd, UnixAddress* address, int length);

    [LibraryImport("libc")]
    private static partial int listen(int fd, int backlog);

    [LibraryImport("libc")]
    private static partial int accept4(int fd, void* address, void* length, int flags);

    /// <summary>struct sockaddr_un.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct UnixAddress
    {
        public const int PathSize = 108;

        public ushort Family;
        public fixed byte Path[PathSize];
    }
}
