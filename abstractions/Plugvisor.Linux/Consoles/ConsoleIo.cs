using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Consoles;

/// <summary>Reads and writes that answer instead of throwing, for descriptors whose other side comes and goes.</summary>
internal static unsafe partial class ConsoleIo
{
    /// <summary>Nothing now: the call would have blocked.</summary>
    public const int WouldBlock = -1;

    /// <summary>The other side is gone, or the descriptor is of no use any more.</summary>
    public const int Gone = -2;

    /// <summary>POLLIN.</summary>
    public const short Readable = 1;

    /// <summary>POLLOUT.</summary>
    public const short Writable = 4;

    private const int EINTR = 4;
    private const int EAGAIN = 11;

    /// <returns>Bytes, <see cref="WouldBlock"/>, or <see cref="Gone"/> at the end of input and on errors.</returns>
    public static int Read(int descriptor, Span<byte> destination)
    {
        fixed (byte* buffer = destination)
        {
            while (true)
            {
                // SAFETY: the kernel writes at most destination.Length bytes.
                nint count = read(descriptor, buffer, (nuint)destination.Length);
                if (count > 0) return (int)count;
                if (count == 0) return Gone;
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) return errno == EAGAIN ? WouldBlock : Gone;
            }
        }
    }

    /// <returns>Bytes, <see cref="WouldBlock"/>, or <see cref="Gone"/>. SIGPIPE is ignored in a .NET process.</returns>
    public static int Write(int descriptor, ReadOnlySpan<byte> source)
    {
        fixed (byte* buffer = source)
        {
            while (true)
            {
                // SAFETY: the kernel reads at most source.Length bytes.
                nint count = write(descriptor, buffer, (nuint)source.Length);
                if (count >= 0) return (int)count;
                int errno = Marshal.GetLastSystemError();
                if (errno != EINTR) return errno == EAGAIN ? WouldBlock : Gone;
            }
        }
    }

    /// <summary>Whether the descriptor is ready (or in error, which the next call will tell) within the time.</summary>
    public static bool Poll(int descriptor, short events, int timeoutMilliseconds)
    {
        var entry = new PollEntry { Descriptor = descriptor, Events = events };
        // A signal ends the wait early; the callers come again.
        return poll(&entry, 1, timeoutMilliseconds) > 0;
    }

    /// <summary>Closes. Not repeated on EINTR: Linux has let go of the descriptor by then.</summary>
    public static void Close(int descriptor) => _ = close(descriptor);

    [LibraryImport("libc")]
    private static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial int poll(PollEntry* entries, nuint count, int timeout);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events, Ready;
    }
}
