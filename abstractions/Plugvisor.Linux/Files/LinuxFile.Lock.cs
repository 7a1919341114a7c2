using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Files;

public sealed unsafe partial class LinuxFile
{
    private const int F_OFD_SETLK = 37;
    private const short F_RDLCK = 0;
    private const short F_WRLCK = 1;
    private const short F_UNLCK = 2;
    private const int EAGAIN = 11;
    private const int EACCES = 13;

    /// <summary>
    /// Takes an advisory lock that belongs to this open file (F_OFD_SETLK): another opening of the same file, also in this
    /// process, conflicts with it, and it goes when the last copy of the descriptor is closed.
    /// </summary>
    /// <param name="kind">Shared or exclusive.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; 0 for everything from <paramref name="offset"/> on, however much the file grows.</param>
    /// <returns>False when somebody else holds a conflicting lock.</returns>
    /// <exception cref="LinuxException">The filesystem has no locks.</exception>
    public bool TryLock(FileLock kind, ulong offset, ulong length)
    {
        int errno = SetLock(kind == FileLock.Write ? F_WRLCK : F_RDLCK, offset, length);
        return errno switch
        {
            0 => true,
            EAGAIN or EACCES => false,
            _ => throw new LinuxException($"lock {Path}", errno),
        };
    }

    /// <summary>Gives every lock of this open file back at once, also while the kernel still holds references to it.</summary>
    public void Unlock() => _ = SetLock(F_UNLCK, 0, 0);

    private int SetLock(short type, ulong offset, ulong length)
    {
        FlockArgument argument = default;
        argument.Type = type;
        argument.Start = (long)offset;
        argument.Length = (long)length;
        while (fcntl(Descriptor, F_OFD_SETLK, (nint)(&argument)) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return errno;
        }

        return 0;
    }

    /// <summary><c>struct flock</c>; the process id must be 0 for these locks.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FlockArgument
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int ProcessId;
    }
}
