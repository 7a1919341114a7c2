using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Sockets;

/// <summary><c>struct sockaddr_un</c> (unix(7)).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UnixAddress
{
    /// <summary>AF_UNIX.</summary>
    public const int UnixFamily = 1;

    /// <summary>Bytes of the path with its terminating zero.</summary>
    private const int PathSize = 108;

    private const int EINVAL = 22, ENAMETOOLONG = 36;

    private ushort _family;
    private fixed byte _path[PathSize];

    /// <summary>The address of a path.</summary>
    /// <param name="path">Where the socket is.</param>
    /// <param name="operation">What is done with it, for the error.</param>
    /// <exception cref="LinuxException">It does not fit, or is no path.</exception>
    public static UnixAddress Of(string path, string operation)
    {
        int length = Encoding.UTF8.GetByteCount(path);
        // An empty path or one that begins with a zero would be an abstract name, which is no file.
        if (length == 0 || path.Contains('\0', StringComparison.Ordinal)) throw new LinuxException($"{operation} '{path}', which is no path", EINVAL);
        if (length >= PathSize)
            throw new LinuxException($"{operation} {path}: a socket's path has at most {PathSize - 1} bytes, this one has {length}", ENAMETOOLONG);
        var address = new UnixAddress { _family = UnixFamily };
        Encoding.UTF8.GetBytes(path, new Span<byte>(address._path, PathSize));
        return address;
    }
}
