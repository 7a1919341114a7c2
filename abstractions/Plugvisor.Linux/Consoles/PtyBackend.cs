using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Consoles;

/// <summary>
/// A new pseudo-terminal in raw mode; who wants to talk to the guest opens <see cref="Path"/>. The other end is held open
/// here too, so clients may come and go and what the guest says in between waits for the next one.
/// </summary>
public sealed unsafe partial class PtyBackend : StreamBackend
{
    private const int O_RDWR = 2, O_NOCTTY = 0x100, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const nuint TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441;

    private int _master = -1, _peer = -1;
    private SafeHandle[]? _handles;

    /// <summary>Makes the pair.</summary>
    /// <exception cref="LinuxException">No pseudo-terminals are left or /dev/ptmx is not there.</exception>
    public PtyBackend()
    {
        _master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (_master < 0) throw new LinuxException("open /dev/ptmx", Marshal.GetLastSystemError());

        int unlock = 0, number = 0;
        bool made = ioctl(_master, TIOCSPTLCK, &unlock) == 0 && ioctl(_master, TIOCGPTN, &number) == 0
            && (_peer = ioctl(_master, TIOCGPTPEER, (int*)(O_RDWR | O_NOCTTY | O_CLOEXEC))) >= 0;
        if (!made)
        {
            int errno = Marshal.GetLastSystemError();
            Dispose();
            throw new LinuxException("make a pseudo-terminal", errno);
        }

        Path = $"/dev/pts/{number}";
        _ = TerminalMode.EnterRaw(_peer);   // stays raw: nobody restores a terminal that ends with us
        Connect(_master, _master);
    }

    /// <summary>Goes on with a pair that another back end has made.</summary>
    /// <param name="handles">What <see cref="Handles"/> gave; they are duplicated.</param>
    /// <param name="path">The path of the pair.</param>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public PtyBackend(IReadOnlyList<SafeHandle> handles, string path)
    {
        ArgumentNullException.ThrowIfNull(handles);
        try
        {
            _master = FileDescriptor.DuplicateNumber(handles[0]);
            _peer = FileDescriptor.DuplicateNumber(handles[1]);
        }
        catch
        {
            Dispose();
            throw;
        }

        Path = path;
        Connect(_master, _master);
    }

    /// <summary>Both ends, for a back end that goes on with them. They stay this one's.</summary>
    public IReadOnlyList<SafeHandle> Handles => _handles ??= [new SafeFileHandle(_master, ownsHandle: false), new SafeFileHandle(_peer, ownsHandle: false)];

    /// <summary>The path to open, such as <c>/dev/pts/7</c>.</summary>
    public override string? Path { get; }

    private protected override void CloseDescriptors()
    {
        if (_master >= 0) ConsoleIo.Close(_master);
        if (_peer >= 0) ConsoleIo.Close(_peer);
        _master = _peer = -1;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, nuint request, int* argument);
}
